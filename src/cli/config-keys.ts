import { ArgumentTypeError } from 'argparse'
import { type Config, createApp, type Limits, PypiServerError } from '../index.js'
import { baseUrlPath, count, oneOf, port, seconds, workers } from './option-types.js'
import { pathFrom } from './paths.js'
import type { RunOptions } from './run-options.js'
import { parseIndexAddress } from './update-index.js'
import type { UpdateOptions } from './update-options.js'

/** What a configuration file says, as argparse names the options. */
export type FileOptions = Partial<RunOptions & UpdateOptions>

/** A key and its value out of a file in a folder. */
interface Entry {
  readonly key: string
  readonly value: unknown
  readonly folder: string
}

/** The options that a value stands for. @throws PypiServerError naming the key and what it takes */
type Setting = (entry: Entry) => FileOptions

const paths = (value: unknown, folder: string): readonly string[] =>
  [value].flat().map((path) => pathFrom(folder, path as string))

/** Keys of `createApp`, which says itself what each takes. */
const appSettings: Readonly<Partial<Record<keyof Config, (value: never, folder: string) => FileOptions>>> = {
  roots: (roots: string | readonly string[], folder) => ({ package_directory: paths(roots, folder) }),
  passwordFile: (path: string, folder) => ({ passwords: pathFrom(folder, path) }),
  tokenFile: (path: string, folder) => ({ tokens: pathFrom(folder, path) }),
  rulesFile: (path: string, folder) => ({ rules: pathFrom(folder, path) }),
  authenticate: (authenticate: RunOptions['authenticate']) => ({ authenticate: [...new Set(authenticate)].sort() }),
  overwrite: (overwrite: boolean) => ({ overwrite }),
  validation: (validation: string) => ({ strict: validation === 'strict' }),
  attestations: (setting: Exclude<Config['attestations'], undefined>, folder) => ({
    attestations:
      typeof setting === 'string' ? setting : { ...setting, trustedRoot: pathFrom(folder, setting.trustedRoot) },
  }),
  hashAlgo: (hash_algo: string | false) => ({ hash_algo }),
  fallbackUrl: (fallback_url: string) => ({ fallback_url }),
  disableFallback: (disable_fallback: boolean) => ({ disable_fallback }),
  privateNames: (names: readonly string[]) => ({ private: names }),
  healthEndpoint: (health_endpoint: string) => ({ health_endpoint }),
  metricsEndpoint: (metrics_endpoint: string) => ({ metrics_endpoint }),
  welcome: (welcome_html: string) => ({ welcome_html }),
  cacheControl: (cache_control: number) => ({ cache_control }),
  sendfile: (sendfile: string) => ({ sendfile }),
  limits: ({ maxUploadBytes, maxUploads, ...limits }: Partial<Limits>) => ({
    limits,
    ...(maxUploadBytes !== undefined && { max_upload: maxUploadBytes }),
    ...(maxUploads !== undefined && { max_uploads: maxUploads }),
  }),
  baseUrl: (base_url: string) => ({ base_url }),
  trustProxy: (list: RunOptions['trusted_proxy'] | 'loopback') => ({
    trusted_proxy: list === 'loopback' ? [list] : list,
  }),
}

/** Keys of the command's own: options whose long name in camelCase `createApp` does not have. */
const commandSettings: Readonly<Record<string, Setting>> = {
  port: (entry) => ({ port: numberOf(entry, port) }),
  host: (entry) => ({ host: textOf(entry) }),
  workers: (entry) => ({ workers: entry.value === 'auto' ? workers(entry.value) : numberOf(entry, workers) }),
  serverBaseUrl: (entry) => ({ server_base_url: converted(entry, baseUrlPath, textOf(entry)) }),
  maxConnections: (entry) => ({ max_connections: numberOf(entry, count) }),
  keepAlive: (entry) => ({ keep_alive: numberOf(entry, seconds) }),
  grace: (entry) => ({ grace: numberOf(entry, seconds) }),
  welcomeFile: (entry) => ({ welcome: pathOf(entry) }),
  verbose: (entry) => ({ verbose: numberOf(entry, oneOf(['0', '1', '2'])) }),
  logStream: (entry) => {
    const log_stream = converted(entry, oneOf(['stdout', 'stderr', 'none']), textOf(entry))
    return { log_stream: log_stream as RunOptions['log_stream'] }
  },
  logFile: (entry) => ({ log_file: pathOf(entry) }),
  logFrmt: (entry) => ({ log_frmt: textOf(entry) }),
  logJson: (entry) => ({ log_json: flagOf(entry) }),
  logReqFrmt: (entry) => ({ log_req_frmt: textOf(entry) }),
  logResFrmt: (entry) => ({ log_res_frmt: textOf(entry) }),
  logErrFrmt: (entry) => ({ log_err_frmt: textOf(entry) }),
  indexUrl: (entry) => ({ index_url: converted(entry, indexUrl, textOf(entry)) }),
  ignorelistFile: (entry) => ({ ignorelist_file: pathOf(entry) }),
  downloadDirectory: (entry) => ({ download_directory: pathOf(entry) }),
  allowUnstable: (entry) => ({ allow_unstable: flagOf(entry) }),
}

/** Every key that a configuration file may have. */
export const configKeys: readonly string[] = [...Object.keys(appSettings), ...Object.keys(commandSettings)]

/** The options that a known key stands for. @throws PypiServerError naming the key and what it takes */
export function optionsOf(entry: Entry): FileOptions {
  const { key, value, folder } = entry
  const own = commandSettings[key]
  if (own !== undefined) return own(entry)
  // Looking at a configuration touches nothing.
  createApp({ roots: '.', [key]: value })
  return appSettings[key as keyof Config]?.(value as never, folder) ?? {}
}

function textOf({ key, value }: Entry): string {
  if (typeof value === 'string' && value !== '') return value
  throw wrong(`${key} takes a text, in quotes`)
}

function pathOf({ key, value, folder }: Entry): string {
  if (typeof value === 'string' && value !== '') return pathFrom(folder, value)
  throw wrong(`${key} takes a path, in quotes`)
}

function flagOf({ key, value }: Entry): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(`${key} takes true or false, without quotes`)
}

function numberOf(entry: Entry, convert: (text: string) => string | number): number {
  if (typeof entry.value === 'number') return Number(converted(entry, convert, String(entry.value)))
  throw wrong(`${entry.key} takes a number, without quotes`)
}

/** As the option of the command line takes it. */
function converted<T>({ key }: Entry, convert: (text: string) => T, text: string): T {
  try {
    return convert(text)
  } catch (error) {
    if (error instanceof ArgumentTypeError) throw wrong(`${key}: ${error.message}`)
    throw error
  }
}

function indexUrl(text: string): string {
  try {
    parseIndexAddress(text)
    return text
  } catch (error) {
    if (!(error instanceof PypiServerError)) throw error
    throw new ArgumentTypeError(error.message.replace('argument --index-url: ', 'it '))
  }
}

function wrong(message: string): PypiServerError {
  return new PypiServerError('ERR_PYPI_CONFIG', message)
}
