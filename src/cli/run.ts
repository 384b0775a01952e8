import { mkdir, opendir } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { type App, type Config, createApp } from '../index.js'
import { createLineLogger } from './log.js'
import type { RunOptions } from './options.js'

/** Ends the command with one line on stderr. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number

  constructor(message: string, exitCode: number, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

const shutdownMs = 10_000

/** Serves until the process is told to stop. Fulfils once it listens. */
export async function run(options: RunOptions): Promise<void> {
  const directories = options.package_directory.map((path) => resolve(expandHome(path)))
  await prepareDirectories(directories)
  const logger = createLineLogger(process.stdout, options.verbose > 1 ? 'debug' : 'info')
  const app = createApp({ ...configOf(options), roots: directories, logger })
  const server = createServer(serverOptions, app)
  server.timeout = idleMs
  const url = await listen(server, options)
  say(`Listening on ${url}`)
  for (const line of banner(options, directories, url)) say(line)
  stopOnSignals(server, app)
  app.ready().catch((error: Error) => say(`Warning: ${error.message}`))
}

// A steady upload may take as long as it needs; a connection on which nothing moves may not.
const serverOptions = {
  requestTimeout: 0,
  headersTimeout: 20_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2000,
}
const idleMs = 120_000

function configOf(options: RunOptions): Config {
  const { passwords, authenticate, overwrite, health_endpoint, cache_control, max_upload } = options
  return {
    authenticate,
    overwrite,
    fallbackUrl: options.fallback_url,
    disableFallback: options.disable_fallback,
    healthEndpoint: health_endpoint,
    hashAlgo: hashAlgoOf(options),
    maxUploadBytes: max_upload,
    ...(passwords !== undefined && passwords !== '.' && { passwordFile: resolve(expandHome(passwords)) }),
    ...(cache_control !== undefined && { cacheControl: cache_control }),
  }
}

/** pypiserver's words for no digest. */
function hashAlgoOf({ hash_algo }: RunOptions): string | false {
  return /^(?:0|no?|f|false|off)$/i.test(hash_algo) ? false : hash_algo
}

async function prepareDirectories(directories: readonly string[]): Promise<void> {
  for (const [index, path] of directories.entries()) {
    const problem = await problemWith(path)
    if (problem === undefined) continue
    if (problem !== 'ENOENT' || index > 0) throw new CommandError(`cannot read the directory ${path}: ${problem}`, 2)
    await mkdir(path).catch((error: NodeJS.ErrnoException) => {
      throw new CommandError(`cannot create the directory ${path}: ${error.code}`, 2, { cause: error })
    })
    say(`Created ${path}, which did not exist: copy wheels and sdists into it, or upload them.`)
  }
}

async function problemWith(path: string): Promise<string | undefined> {
  try {
    await (await opendir(path)).close()
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

async function listen(server: Server, { port, host }: RunOptions): Promise<string> {
  await new Promise<void>((fulfil, reject) => {
    server.once('error', reject)
    server.listen(port, host, fulfil)
  }).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(listenProblem(error, port, host), 1, { cause: error })
  })
  const { address, port: actual, family } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}/`
}

function listenProblem({ code, message }: NodeJS.ErrnoException, port: number, host: string): string {
  if (code === 'EADDRINUSE')
    return `port ${port} on ${host} is in use: stop what listens there, or choose another with -p`
  if (code === 'EACCES') return `port ${port} needs more rights than this user has: choose one above 1023 with -p`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is no address of this machine: see -i`
  return `cannot listen on ${host}:${port}: ${message}`
}

function banner(options: RunOptions, directories: readonly string[], url: string): readonly string[] {
  const { passwords, authenticate } = options
  const shown = url.replace('//0.0.0.0:', '//localhost:').replace('//[::]:', '//localhost:')
  return [
    `Serving ${directories.join(', ')}`,
    loginLine(passwords, authenticate),
    options.disable_fallback
      ? 'Projects that are not here do not exist (--disable-fallback)'
      : `Projects that are not here are redirected to ${options.fallback_url} (--disable-fallback ends that)`,
    `  pip install --index-url ${shown}simple/ PACKAGE`,
    ...(passwords === undefined ? [] : [`  twine upload --repository-url ${shown} dist/*`]),
  ]
}

function loginLine(passwords: string | undefined, authenticate: readonly string[]): string {
  if (authenticate.length === 0) return 'Everything is open to everybody, uploads included (-a . -P .)'
  if (passwords === undefined) return 'Uploads are refused: no users are known (-P FILE names a htpasswd file)'
  return `Logins of ${passwords} are needed for: ${authenticate.join(', ')}`
}

function stopOnSignals(server: Server, app: App): void {
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

function expandHome(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
