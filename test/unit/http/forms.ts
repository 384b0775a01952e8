import { Readable } from 'node:stream'
import { type Form, type ReadFormOptions, readForm } from '#src/http/multipart.js'

export const boundary = 'x-boundary'
export const contentType = `multipart/form-data; boundary=${boundary}`

/** One part: its header lines, then its content. */
export function part(headers: readonly string[], content: string): string {
  return `--${boundary}\r\n${headers.join('\r\n')}\r\n\r\n${content}\r\n`
}

export function field(name: string, value: string): string {
  return part([`Content-Disposition: form-data; name="${name}"`], value)
}

export function file(name: string, filename: string, content: string): string {
  const disposition = `Content-Disposition: form-data; name="${name}"; filename="${filename}"`
  return part([disposition, 'Content-Type: application/octet-stream'], content)
}

export function form(...parts: readonly string[]): string {
  return `${parts.join('')}--${boundary}--\r\n`
}

/** A body that arrives in pieces of this many bytes. */
export function inPieces(body: string | Buffer, size: number): Readable {
  const bytes = Buffer.from(body as string)
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  )
  return Readable.from(pieces)
}

export interface Received {
  readonly form: Form
  /** `field filename content` of each file. */
  readonly files: readonly string[]
}

/** Reads a form and its files whole. */
export async function receive(
  body: string | Readable,
  type: string | undefined = contentType,
  options: Partial<ReadFormOptions> = {},
): Promise<Received> {
  const files: string[] = []
  const onFile: ReadFormOptions['onFile'] = async ({ field, filename, stream }) => {
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk)
    files.push(`${field} ${filename} ${Buffer.concat(chunks)}`)
  }
  const source = typeof body === 'string' ? Readable.from([Buffer.from(body)]) : body
  return { form: await readForm(source, type, { onFile, ...options }), files }
}
