import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** An answer as it came over the wire. */
export interface WireAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

export interface WireOptions {
  /** @default GET */
  readonly method?: string
  /** @default 1.1 */
  readonly version?: '1.0' | '1.1'
  /** Header lines besides `Connection: close`. @default a Host */
  readonly headers?: readonly string[]
  readonly body?: string | Uint8Array
}

/** Sends a path as it is, which fetch() would tidy up, and reads until the server closes. */
export async function ask(url: string, path: string, options: WireOptions = {}): Promise<WireAnswer> {
  const { hostname, port, host } = new URL(url)
  const { method = 'GET', version = '1.1', headers = [`Host: ${host}`], body } = options
  const lines = [`${method} ${path} HTTP/${version}`, ...headers, 'Connection: close']
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`)
  const socket = connect(Number(port), hostname)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (body !== undefined) socket.write(body)
  return parse(await buffer(socket))
}

function parse(bytes: Buffer): WireAnswer {
  const end = bytes.indexOf('\r\n\r\n')
  const [start = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  return { status: Number(start.split(' ')[1]), headers: new Map(headers), body: bytes.subarray(end + 4) }
}

/** A multipart form of these parts, each its disposition behind `form-data; ` and its content. */
export function multipart(parts: readonly (readonly [disposition: string, content: string | Uint8Array])[]): {
  readonly headers: { readonly 'content-type': string }
  readonly body: Buffer<ArrayBuffer>
} {
  const pieces = parts.flatMap(([disposition, content]) => [
    Buffer.from(`--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`),
    Buffer.from(content as Uint8Array),
    Buffer.from('\r\n'),
  ])
  return {
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: Buffer.concat([...pieces, Buffer.from('--b--\r\n')]),
  }
}
