import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { App } from '../index.js'
import { CommandError } from './command-error.js'

const shutdownMs = 10_000

// A steady upload may take as long as it needs; a connection on which nothing moves may not.
const serverOptions = {
  requestTimeout: 0,
  headersTimeout: 20_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2000,
}
const idleMs = 120_000

/** A server with time limits for what clients may leave hanging. */
export function createHttpServer(handler: RequestListener): Server {
  const server = createServer(serverOptions, handler)
  server.timeout = idleMs
  return server
}

/** Where to listen. */
export interface ListenOptions {
  readonly port: number
  readonly host: string
}

/** Fulfils with the origin, without a trailing slash. @throws CommandError with 1 when the port cannot be taken */
export async function listen(server: Server, { port, host }: ListenOptions): Promise<string> {
  await new Promise<void>((fulfil, reject) => {
    server.once('error', reject)
    server.listen(port, host, fulfil)
  }).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(listenProblem(error, port, host), 1, { cause: error })
  })
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

/** Ends the process with 0 after SIGTERM or SIGINT, once running requests are through, at most ten seconds later. */
export function stopOnSignals(server: Server, app: App): void {
  let isStopping = false
  const stop = (): void => {
    if (isStopping) process.exit(130)
    isStopping = true
    void shutDown(server, app)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

/** Running requests may finish for a while, idle connections end now. */
async function shutDown(server: Server, app: App): Promise<void> {
  const closed = new Promise((fulfil) => server.close(fulfil))
  const idle = setInterval(() => server.closeIdleConnections(), 100)
  const limit = setTimeout(() => server.closeAllConnections(), shutdownMs)
  await closed
  clearInterval(idle)
  clearTimeout(limit)
  await app.close()
  process.exit(0)
}
