import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Logger } from '../index.js'

/** What the parser of Node could not take, and what its sender is told: nothing of what was sent. */
const answers: Readonly<Record<string, Answer>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the header is larger than 16 KiB'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['413 Content Too Large', 'the chunk extensions are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the header did not come within 20 seconds'],
}
const longTarget: Answer = ['414 URI Too Long', 'the address is too long']
const malformed: Answer = ['400 Bad Request', 'this is no HTTP request']

const lingerMs = 2000

type ClientError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer }
type Answer = readonly [status: string, text: string]

/** Answers what is no request, and ends its connection. */
export function answerClientErrors(server: Server, logger: Logger): void {
  server.on('clientError', (error: ClientError, socket: Socket) => {
    logger.debug({ address: socket.remoteAddress, reason: error.code ?? error.message }, 'refused what is no request')
    // A second answer behind half of a first would be taken for a part of it.
    if (!socket.writable || socket.bytesWritten > 0) {
      socket.destroy()
      return
    }
    const [status, text] = answerTo(error)
    const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=UTF-8`
    socket.end(`${head}\r\nContent-Length: ${text.length + 1}\r\n\r\n${text}\n`)
    socket.setTimeout(lingerMs, () => socket.destroy())
  })
}

function answerTo({ code = '', rawPacket }: ClientError): Answer {
  const isLongTarget = code === 'HPE_HEADER_OVERFLOW' && /^\S+ \S{8192}/.test(rawPacket?.toString('latin1') ?? '')
  return isLongTarget ? longTarget : (answers[code] ?? malformed)
}
