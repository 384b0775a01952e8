import type { Server } from 'node:http'
import { errorMessage } from '../errors.js'
import type { App, Logger } from '../index.js'
import type { Connections } from './connections.js'
import { traceback } from './log-keys.js'

/** What ends with the process. */
export interface ShutdownOptions {
  readonly server: Server
  readonly app: Pick<App, 'drain' | 'close'>
  readonly connections: Connections
  /** Whether other processes listen on the same port: then a connection that was meant for this one must not get lost. */
  readonly isShared: boolean
  readonly logger: Logger
  /** Milliseconds that running requests have once the process is told to stop. */
  readonly graceMs: number
}

/** How a process that serves is told to end. */
export interface Ending {
  /**
   * Takes no connections any more, lets running requests finish until their grace is over, closes the index, and then does
   * what it was told. Idempotent.
   */
  readonly stop: (then: () => void) => void
  readonly isStopping: () => boolean
}

const fatalGraceMs = 5000
const fatalExitCode = 70
const idleMs = 200

/**
 * Knows how to end the process. After an error that nobody caught nothing can be relied on: the process ends in the same
 * way, with 70.
 */
export function prepareEnding(options: ShutdownOptions): Ending {
  const { graceMs, logger } = options
  let isStopping = false
  const stop = (then: () => void, limitMs: number, stopListening: () => Promise<unknown>): void => {
    if (isStopping) return
    isStopping = true
    shutDown({ ...options, graceMs: limitMs }, stopListening)
      .catch((error: unknown) => logger.error({ reason: errorMessage(error) }, 'the index cannot be closed'))
      .finally(then)
  }
  const { server, connections } = options
  const close = (): Promise<unknown> => new Promise((fulfil) => server.close(fulfil))
  endOnFatalError(logger, () => stop(() => process.exit(fatalExitCode), fatalGraceMs, close))
  return {
    stop: (then) => stop(then, graceMs, options.isShared ? connections.refuse : close),
    isStopping: () => isStopping,
  }
}

/** SIGTERM and SIGINT stop the process; a second one ends it at once, with 130. */
export function endOnSignals({ stop, isStopping }: Ending, endNow: () => void = () => {}): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (isStopping()) {
        endNow()
        process.exit(130)
      }
      stop(() => process.exit(0))
    })
  }
}

/** Tells of errors that nobody caught before it ends the process; rejections that nobody handles are such, too. */
export function endOnFatalError(logger: Logger, end: () => void): void {
  process.on('uncaughtException', (error) => {
    logger.error({ reason: errorMessage(error), err: error }, 'an unexpected error ends the server')
    process.stderr.write(`${traceback(error).join('\n')}\n`)
    end()
  })
}

/** Takes no connections any more, ends idle ones, and lets running requests finish for a while. */
async function shutDown(
  { server, app, connections, graceMs }: ShutdownOptions,
  stopListening: () => Promise<unknown>,
): Promise<void> {
  app.drain()
  const closed = stopListening()
  connections.endAfterAnswers()
  const idle = setInterval(connections.endIdle, idleMs)
  const limit = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearInterval(idle)
  clearTimeout(limit)
  await app.close()
}
