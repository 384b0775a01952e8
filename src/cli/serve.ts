import type { RequestListener } from 'node:http'
import { errorCode, errorMessage } from '../errors.js'
import { type App, type Config, createApp, directory, type Logger } from '../index.js'
import { banner, countLine } from './banner.js'
import { below } from './base-url.js'
import { coloursFor } from './colours.js'
import { createHttpServer, listen } from './http-server.js'
import { lineWriter } from './log.js'
import type { LogOutput } from './log-output.js'
import { waitingLine } from './progress.js'
import { withRequestLog } from './request-log.js'
import type { RunOptions } from './run-options.js'
import { say } from './say.js'
import { type Ending, prepareEnding } from './shutdown.js'
import { shareOf } from './worker-share.js'

/** What is to be served; plain values, which another process can be told. */
export interface RunPlan {
  readonly options: RunOptions
  readonly config: Config
  /** Absolute paths. */
  readonly directories: readonly string[]
}

/** Where it is logged what happens. */
export interface Log {
  readonly output: LogOutput
  readonly logger: Logger
}

/** Which of the processes on one port this one is. */
export interface Seat {
  /** From 1 on; the first reads files ahead for all. */
  readonly number: number
  /** How many there are. */
  readonly count: number
  /** Whether this one tells what is served. */
  readonly isTelling: boolean
}

/** How a process fits among others. */
export interface ServeOptions {
  readonly seat: Seat
  /** Lets somebody end this process and ask what it counted, before anybody is told that it serves. */
  readonly obey: (ending: Ending, count: () => string) => void
  /** What all processes counted, of what this one did. @default nobody asks others */
  readonly gatherMetrics?: (own: string) => Promise<string>
}

/** The seat of a process that is alone. */
export const onlySeat: Seat = { number: 1, count: 1, isTelling: true }

/** Serves in this process. Fulfils once it listens. @throws CommandError with 1 when the port cannot be taken */
export async function serve(plan: RunPlan, log: Log, { seat, obey, gatherMetrics }: ServeOptions): Promise<void> {
  const { options, directories } = plan
  const { logger } = log
  const { config, maxConnections } = shareOf(plan, seat.count)
  const { hashAlgo = false } = config
  const backend = directory(directories, {
    logger,
    readAhead: seat.number === 1,
    ...(hashAlgo !== false && { hashAlgorithm: hashAlgo }),
  })
  const app = createApp({ ...config, backend, logger, ...(gatherMetrics && { gatherMetrics }) })
  const wrap = (handler: RequestListener): RequestListener => handlerOf(handler, options, log)
  const isShared = seat.count > 1
  const { server, connections } = createHttpServer({
    onRequest: wrap(app),
    onCheckContinue: wrap(app.checkContinue),
    logger,
    keepAliveMs: options.keep_alive * 1000,
    maxConnections,
    isShared,
  })
  const url = `${await listen(server, options, logger)}${options.server_base_url}/`
  const close = async (): Promise<void> => {
    await app.close()
    await backend.close()
  }
  const graceMs = options.grace * 1000
  const ending = { server, app: { drain: app.drain, close }, connections, isShared, logger, graceMs }
  obey(prepareEnding(ending), app.metrics)
  if (!seat.isTelling) return
  const isQuiet = options.log_stream === 'none'
  const colours = coloursFor(process.stderr, process.env)
  say([`Listening on ${url}`, ...(isQuiet ? [] : banner(options, { directories, url, colours }))].join('\n'))
  void tellWhenReady(app, isQuiet ? 'quiet' : 'counting')
}

async function tellWhenReady(app: App, manner: 'quiet' | 'counting'): Promise<void> {
  const isQuiet = manner === 'quiet'
  const stop = isQuiet ? () => {} : waitingLine(process.stderr, 'Reading the directories')
  try {
    await app.ready()
    const line = isQuiet ? undefined : await countLine(app)
    stop()
    if (line !== undefined) say(line)
  } catch (error) {
    stop()
    // Somebody ended it before it was through.
    if (errorCode(error) !== 'ERR_PYPI_CLOSED') say(`Warning: ${errorMessage(error)}`)
  }
}

function handlerOf(inner: RequestListener, options: RunOptions, { logger, output }: Log): RequestListener {
  const handler = below(options.server_base_url, inner, logger)
  if (options.verbose === 0) return handler
  return withRequestLog(handler, { ...options, line: lineWriter(options, output) })
}
