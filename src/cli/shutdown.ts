import type { Server } from 'node:http'
import { errorMessage } from '../errors.js'
import type { App, Logger } from '../index.js'
import type { Connections } from './connections.js'
import { traceback } from './log-keys.js'

/** What ends with the process. */
export interface ShutdownOptions {
  readonly server: Server
  readonly app: App
  readonly connections: Connections
  readonly logger: Logger
  /** Milliseconds that running requests have once the process is told to stop. */
  readonly graceMs: number
}

const fatalGraceMs = 5000
const fatalExitCode = 70
const idleMs = 200

/**
 * Ends the process with 0 after SIGTERM or SIGINT, once running requests are through or their grace is over; at a second
 * signal at once. After an error that nobody caught nothing can be relied on: the process ends in the same way, with 70.
 */
export function endWithProcess(options: ShutdownOptions): void {
  const { graceMs, logger } = options
  let isStopping = false
  const stop = (exitCode: number, limitMs: number): void => {
    isStopping = true
    shutDown({ ...options, graceMs: limitMs })
      .catch((error: unknown) => logger.error({ reason: errorMessage(error) }, 'the index cannot be closed'))
      .finally(() => process.exit(exitCode))
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => (isStopping ? process.exit(130) : stop(0, graceMs)))
  }
  // Rejections that nobody handles come here as well.
  process.on('uncaughtException', (error) => {
    logger.error({ reason: errorMessage(error), err: error }, 'an unexpected error ends the server')
    process.stderr.write(`${traceback(error).join('\n')}\n`)
    if (!isStopping) stop(fatalExitCode, fatalGraceMs)
  })
}

/** Takes no connections any more, ends idle ones, and lets running requests finish for a while. */
async function shutDown({ server, app, connections, graceMs }: ShutdownOptions): Promise<void> {
  app.drain()
  const closed = new Promise((fulfil) => server.close(fulfil))
  connections.endAfterAnswers()
  const idle = setInterval(connections.endIdle, idleMs)
  const limit = setTimeout(() => server.closeAllConnections(), graceMs)
  await closed
  clearInterval(idle)
  clearTimeout(limit)
  await app.close()
}
