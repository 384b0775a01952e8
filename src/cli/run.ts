import { accessSync, constants } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { errorCode, errorMessage } from '../errors.js'
import { type App, type Config, createApp, type Logger } from '../index.js'
import { attestationsOf } from './attestations.js'
import { banner, countLine } from './banner.js'
import { below } from './base-url.js'
import { coloursFor } from './colours.js'
import { CommandError } from './command-error.js'
import { prepareDirectories } from './directories.js'
import { createHttpServer, listen } from './http-server.js'
import { createLogger, type LineSink, lineWriter } from './log.js'
import { openLogOutput } from './log-output.js'
import { openDoors } from './open-doors.js'
import { absolutePath, resolvedPath } from './paths.js'
import { privateNames } from './private-names.js'
import { waitingLine } from './progress.js'
import { withRequestLog } from './request-log.js'
import type { RunOptions } from './run-options.js'
import { endWithProcess } from './shutdown.js'

/**
 * Serves until the process is told to stop. Fulfils once it listens.
 * @throws CommandError with 2 for what is wrong with the options, with 1 when the port cannot be taken
 */
export async function run(options: RunOptions): Promise<void> {
  const config = await configOf(options)
  const output = openLogOutput(options)
  const logger = createLogger(options, output)
  const directories = await Promise.all(options.package_directory.map(resolvedPath))
  const app = createApp({ ...config, roots: directories, logger })
  for (const line of [...(await prepareDirectories(directories)), ...remarks(options)]) say(line)
  const wrap = (handler: RequestListener): RequestListener => handlerOf(handler, options, { logger, output })
  const { server, connections } = createHttpServer({
    onRequest: wrap(app),
    onCheckContinue: wrap(app.checkContinue),
    logger,
    keepAliveMs: options.keep_alive * 1000,
    maxConnections: options.max_connections,
  })
  const url = `${await listen(server, options, logger)}${options.server_base_url}/`
  // Before anybody is told that there is something to send signals to.
  endWithProcess({ server, app, connections, logger, graceMs: options.grace * 1000 })
  if (options.log_file !== '') process.on('SIGHUP', output.reopen)
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

async function configOf(options: RunOptions): Promise<Config> {
  const { authenticate, overwrite, strict, cache_control, base_url, max_upload, max_uploads, limits } = options
  const welcome = options.welcome === '' ? options.welcome_html : await readWelcome(absolutePath(options.welcome))
  return {
    ...accessFiles(options),
    authenticate,
    overwrite,
    validation: strict ? 'strict' : 'standard',
    attestations: await attestationsOf(options.attestations),
    fallbackUrl: options.fallback_url,
    disableFallback: options.disable_fallback,
    privateNames: await privateNames(options.private),
    healthEndpoint: options.health_endpoint,
    ...(options.metrics_endpoint !== undefined && { metricsEndpoint: options.metrics_endpoint }),
    hashAlgo: options.hash_algo,
    trustProxy: options.trusted_proxy,
    limits: { ...limits, maxUploadBytes: max_upload, maxUploads: max_uploads },
    ...(cache_control !== undefined && { cacheControl: cache_control }),
    ...(welcome !== undefined && { welcome }),
    ...(base_url !== undefined && { baseUrl: base_url }),
  }
}

/** The files that say who may come in and do what, as far as there are any. */
function accessFiles({
  passwords,
  tokens,
  rules,
}: RunOptions): Pick<Config, 'passwordFile' | 'tokenFile' | 'rulesFile'> {
  return {
    ...(passwords !== undefined && passwords !== '.' && { passwordFile: absolutePath(passwords) }),
    ...(tokens !== undefined && { tokenFile: absolutePath(tokens) }),
    ...(rules !== undefined && { rulesFile: absolutePath(rules) }),
  }
}

async function readWelcome(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : (code ?? message)
    throw new CommandError(`cannot read the welcome page ${path}: ${reason}`, 2, { cause: error })
  }
}

/** What holds although something else was asked for, or may not have been meant. */
function remarks(options: RunOptions): readonly string[] {
  const { server, backend } = options
  const { passwordFile, tokenFile, rulesFile } = accessFiles(options)
  return [
    ...(server === 'auto' ? [] : [`--server ${server}: the HTTP server of Node is used, whatever the method`]),
    ...(backend === 'auto'
      ? []
      : [`--backend ${backend}: there is one backend, which reads directories and remembers what it read`]),
    ...openDoors(options).map((line) => `Warning: ${line}`),
    ...warning('password file', passwordFile, () => 'nobody can log in until that is repaired'),
    ...warning('token file', tokenFile, (problem) =>
      problem === 'ENOENT' ? 'there are no tokens until one is created' : 'no token is good until that is repaired',
    ),
    ...warning('rules file', rulesFile, () => 'nobody may do anything until that is repaired'),
  ]
}

function warning(noun: string, path: string | undefined, consequence: (problem: string) => string): readonly string[] {
  const problem = path && problemWithFile(path)
  return problem ? [`Warning: cannot read the ${noun} ${path}: ${problem}; ${consequence(problem)}`] : []
}

function problemWithFile(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? errorMessage(error)
  }
}

function handlerOf(
  inner: RequestListener,
  options: RunOptions,
  { logger, output }: { readonly logger: Logger; readonly output: LineSink },
): RequestListener {
  const handler = below(options.server_base_url, inner, logger)
  if (options.verbose === 0) return handler
  return withRequestLog(handler, { ...options, line: lineWriter(options, output) })
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
