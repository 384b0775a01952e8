import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { errorMessage } from '../errors.js'
import type { Logger } from '../index.js'
import { answerClientErrors } from './client-errors.js'
import { CommandError } from './command-error.js'
import { type Connections, trackConnections } from './connections.js'

/** What a server does with requests, and how much it takes. */
export interface HttpServerOptions {
  readonly onRequest: RequestListener
  /** Takes requests that wait to be told to go on (`Expect: 100-continue`). */
  readonly onCheckContinue: RequestListener
  readonly logger: Logger
  /** Milliseconds for which a connection without requests is kept. */
  readonly keepAliveMs: number
  /** More are refused. @default 10000, or as many as there can be open files, less some for the index */
  readonly maxConnections?: number | undefined
  /** Whether other processes listen on the same port. */
  readonly isShared: boolean
}

// A steady upload may take as long as the index lets it; a header, or a connection on which nothing moves, may not.
const settings = {
  requestTimeout: 0,
  headersTimeout: 20_000,
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 16 * 1024,
}
const maxHeaders = 200
const idleMs = 120_000
const mostConnections = 10_000
/** Open files that connections leave to the index. */
const ownFiles = 512

/** A server that bounds what clients may send and leave hanging, and who is connected to it. */
export function createHttpServer(options: HttpServerOptions): {
  readonly server: Server
  readonly connections: Connections
} {
  const { onRequest, onCheckContinue, logger, keepAliveMs, maxConnections = connectionLimit(), isShared } = options
  const server = createServer({ ...settings, keepAliveTimeout: keepAliveMs })
  const connections = trackConnections(server)
  server.on('request', connections.counted(onRequest))
  server.on('checkContinue', connections.counted(onCheckContinue))
  server.timeout = idleMs
  server.maxHeadersCount = maxHeaders
  answerClientErrors(server, logger)
  let lastDropMs = Number.NEGATIVE_INFINITY
  const tellOfDrop = (): void => {
    if (performance.now() - lastDropMs < 60_000) return
    lastDropMs = performance.now()
    logger.warn({ maxConnections }, 'refused a connection: there are too many')
  }
  // A shared server hands what it refuses to the next process, and that one hands it back: they must not stop each other.
  if (isShared) server.on('connection', (socket) => connections.count() > maxConnections && refuse(socket, tellOfDrop))
  else server.maxConnections = maxConnections
  server.on('drop', tellOfDrop)
  return { server, connections }
}

function refuse(socket: Socket, tell: () => void): void {
  socket.destroy()
  tell()
}

function connectionLimit(): number {
  const files = openFileLimit()
  return files === undefined ? mostConnections : Math.min(mostConnections, Math.max(files - ownFiles, files >> 1))
}

/** What the system lets this process have open, where it tells. */
function openFileLimit(): number | undefined {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return limit === undefined ? undefined : Number(limit)
  } catch {
    // Only Linux has this file.
    return undefined
  }
}

/** Where to listen. */
export interface ListenOptions {
  readonly port: number
  readonly host: string
}

/** Fulfils with the origin, without a trailing slash. @throws CommandError with 1 when the port cannot be taken */
export async function listen(server: Server, { port, host }: ListenOptions, logger: Logger): Promise<string> {
  await new Promise<void>((fulfil, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      fulfil()
    })
  }).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(listenProblem(error, port, host), 1, { cause: error })
  })
  // From here on it is a connection that could not be taken, and the next one may be.
  server.on('error', (error) => logger.error({ reason: errorMessage(error) }, 'a connection cannot be taken'))
  const { address, port: actual, family } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`
}

function listenProblem({ code, message }: NodeJS.ErrnoException, port: number, host: string): string {
  if (code === 'EADDRINUSE')
    return `port ${port} on ${host} is in use: stop what listens there, or choose another with -p`
  if (code === 'EACCES') return `port ${port} needs more rights than this user has: choose one above 1023 with -p`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is no address of this machine: see -i`
  return `cannot listen on ${host}:${port}: ${message}`
}
