import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { connectTo, mountPath } from './index-server.js'

/** A client that sends the bytes that it is told to, and nothing else. */
export interface RawClient {
  readonly socket: Socket
  readonly send: (...parts: readonly (string | Uint8Array)[]) => void
  /** What came back up to now, as text. */
  readonly received: () => string
  /** Fulfils with everything that came back, once this is in it; rejects when the connection ends before. */
  readonly until: (pattern: RegExp) => Promise<string>
  /** Fulfils with everything that came back, once the connection has ended. */
  readonly ended: () => Promise<string>
}

/** Connects to a server on this machine until the test ends. */
export async function rawClient(t: TestContext, url: string): Promise<RawClient> {
  const socket = connectTo(url)
  t.after(() => socket.destroy())
  await once(socket, url.startsWith('https:') ? 'secureConnect' : 'connect')
  let text = ''
  let hasEnded = false
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('close', () => {
    hasEnded = true
  })
  // A reset is an end like any other to who looks at what came back.
  socket.on('error', () => {})
  const next = (): Promise<unknown> => Promise.race([once(socket, 'data'), once(socket, 'close')])
  return {
    socket,
    send: (...parts) => {
      for (const part of parts) socket.write(part)
    },
    received: () => text,
    until: async (pattern) => {
      while (!pattern.test(text)) {
        if (hasEnded) throw new Error(`the connection ended without ${pattern}: ${text}`)
        await next()
      }
      return text
    },
    ended: async () => {
      while (!hasEnded) await next()
      return text
    },
  }
}

/** The header of a form that says how long its body is, and whatever else it is told to say. */
export function formHead(length: number, ...headers: readonly string[]): string {
  const lines = [`POST ${mountPath} HTTP/1.1`, 'Host: x', 'Content-Type: multipart/form-data; boundary=b', ...headers]
  return `${[...lines, `Content-Length: ${length}`].join('\r\n')}\r\n\r\n`
}

/** The beginning of a form, up to the first byte of its file. */
export function fileHead(filename: string): string {
  return `--b\r\nContent-Disposition: form-data; name="content"; filename="${filename}"\r\n\r\n`
}
