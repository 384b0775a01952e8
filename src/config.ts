import type { ActionGroup, Auther, Authorizer } from './auth/auther.js'
import { anyOf } from './auth/combine.js'
import { type HtpasswdAuther, htpasswd } from './auth/htpasswd.js'
import { type RulesAuthorizer, rules } from './auth/rules.js'
import { type TokenAuther, tokens } from './auth/tokens.js'
import type { Backend } from './backend.js'
import { type DirectoryBackend, directory } from './backends/directory/directory.js'
import { hashAlgorithms, isHashAlgorithm } from './digests/digest.js'
import type { Hooks } from './domain/publishing.js'
import { PypiServerError } from './errors.js'
import type { Listeners } from './events.js'
import { type Logger, silentLogger } from './logger.js'
import { unknownWelcomeVariable, welcomeVariables } from './render/pages.js'

/** What {@link createApp} takes. Give `backend` or `roots`; everything else has a default. */
export interface Config {
  /** Where projects and files live. `roots` is short for `directory(roots)`. */
  readonly backend?: Backend
  /** Directories with distribution files, in the order in which they are searched; the first takes uploads. */
  readonly roots?: string | readonly string[]
  /** Who is asking? `passwordFile` is short for `htpasswd(passwordFile)`. Without either nobody can log in. @default none */
  readonly auther?: Auther
  /** An Apache htpasswd file; read again when it changes. @default none */
  readonly passwordFile?: string
  /**
   * A file of API tokens, as `createToken` writes them; read again when it changes, and no file means no tokens. Short for
   * `anyOf(tokens(tokenFile), auther)`: tokens first, then `auther` or `passwordFile` if there is one.
   * @default none
   */
  readonly tokenFile?: string
  /**
   * Which actions need a login: `list` (pages), `download` (files), `update` (upload, remove, yank, administration).
   * An empty list opens everything to everybody, uploads included.
   * @default ['update']
   */
  readonly authenticate?: readonly ActionGroup[]
  /** May they? Asked after the login, for every action. @default everybody whom `authenticate` lets pass */
  readonly authorizer?: Authorizer
  /** A file that says who may do what, read again when it changes. Short for `authorizer: rules(rulesFile)`. @default none */
  readonly rulesFile?: string
  /** Let an upload replace a file of the same name. @default false */
  readonly overwrite?: boolean
  /** Digest in link fragments, named as in Python's hashlib; `false` leaves fragments out. @default 'sha256' */
  readonly hashAlgo?: string | false
  /**
   * Where requests for projects go that are known not to exist here, such as `https://pypi.org/simple/`. Whoever can
   * publish there under a name that you use only here can then reach your clients. @default none
   */
  readonly fallbackUrl?: string
  /** Ignore `fallbackUrl`. @default false */
  readonly disableFallback?: boolean
  /** Path below the mount point that answers `Ok` as long as the process lives. @default '/health' */
  readonly healthEndpoint?: string
  /**
   * HTML of the page at the mount point. `{{URL}}` (address of the index), `{{VERSION}}`, `{{NUMPKGS}}` (number of files),
   * `{{PACKAGES}}` and `{{SIMPLE}}` (paths of the listings) are filled in, escaped; everything else stays as it is, and
   * any other `{{…}}` is an error.
   * @default a page with the commands to copy
   */
  readonly welcome?: string
  /** `max-age` of distribution files, in seconds. @default none: clients revalidate */
  readonly cacheControl?: number
  /** Largest upload, in bytes; above it the answer is 413. @default 1 GiB */
  readonly maxUploadBytes?: number
  /** Public address of the mount point, where absolute URLs are shown. @default what the request says */
  readonly baseUrl?: string
  /**
   * Whether `X-Forwarded-Proto`, `-Host` and `-For` are believed: of no peer, of every peer, or of peers on this machine.
   * @default 'loopback'
   */
  readonly trustProxy?: boolean | 'loopback'
  /** Awaited before something happens; rejecting refuses it. @default none */
  readonly hooks?: Hooks
  /** Told after something happened. @default none */
  readonly events?: Listeners
  /** Hears of requests and problems; a pino logger fits. @default silent */
  readonly logger?: Logger
}

/** A configuration with every default filled in. */
export interface Settings {
  readonly backend: Backend
  readonly auther: Auther | undefined
  readonly authenticate: ReadonlySet<ActionGroup>
  readonly authorizer: Authorizer | undefined
  readonly overwrite: boolean
  readonly fragment: string | false
  readonly fallbackUrl: string | undefined
  readonly healthEndpoint: string
  readonly welcome: string | undefined
  readonly cacheControl: number | undefined
  readonly maxUploadBytes: number
  readonly baseUrl: string | undefined
  readonly trustProxy: boolean | 'loopback'
  readonly hooks: Hooks
  readonly events: Listeners
  readonly logger: Logger
  /** End what this configuration made itself. */
  readonly closers: readonly (() => Promise<void>)[]
}

const knownKeys: Readonly<Record<keyof Config, true>> = {
  backend: true,
  roots: true,
  auther: true,
  passwordFile: true,
  tokenFile: true,
  authenticate: true,
  authorizer: true,
  rulesFile: true,
  overwrite: true,
  hashAlgo: true,
  fallbackUrl: true,
  disableFallback: true,
  healthEndpoint: true,
  welcome: true,
  cacheControl: true,
  maxUploadBytes: true,
  baseUrl: true,
  trustProxy: true,
  hooks: true,
  events: true,
  logger: true,
}
const actionGroups: readonly string[] = ['list', 'download', 'update']

/**
 * Checks a configuration and fills in its defaults, without touching anything.
 * @throws ERR_PYPI_CONFIG naming the key and what it takes
 */
export function settingsOf(config: Config): Settings {
  if (typeof config !== 'object' || config === null) throw wrong('createApp takes an object')
  for (const key of Object.keys(config)) if (!Object.hasOwn(knownKeys, key)) throw wrong(`unknown key ${key}`)
  const { logger = silentLogger, hooks = {}, events = {}, overwrite = false } = config
  const fragment = hashAlgoOf(config)
  const owned = {
    backend: backendOf(config, logger, fragment),
    tokens: tokensOf(config, logger),
    passwords: passwordsOf(config, logger),
    authorizer: rulesOf(config, logger),
  }
  const { backend = checkedBackend(config), authorizer = config.authorizer } = owned
  return {
    backend,
    auther: autherOf([owned.tokens, owned.passwords, checkedAuther(config)]),
    authenticate: authenticateOf(config),
    authorizer,
    overwrite: boolean('overwrite', overwrite),
    fragment,
    fallbackUrl: fallbackOf(config),
    healthEndpoint: healthEndpointOf(config),
    welcome: welcomeOf(config),
    cacheControl: secondsOf('cacheControl', config.cacheControl),
    maxUploadBytes: positive('maxUploadBytes', config.maxUploadBytes ?? 1024 ** 3),
    baseUrl: baseUrlOf(config),
    trustProxy: trustProxyOf(config),
    hooks,
    events,
    logger,
    closers: Object.values(owned).flatMap((own) => (own === undefined ? [] : [() => own.close()])),
  }
}

/** The backend that `roots` stands for. */
function backendOf({ backend, roots }: Config, logger: Logger, fragment: string | false): DirectoryBackend | undefined {
  if (roots === undefined) return undefined
  if (backend !== undefined) throw wrong('give backend or roots, not both')
  const isPath = (root: unknown): boolean => typeof root === 'string' && root !== ''
  if (roots.length === 0 || ![roots].flat().every(isPath))
    throw wrong('roots takes a directory path, or a list of them')
  return directory(roots, { logger, ...(fragment !== false && { hashAlgorithm: fragment }) })
}

function checkedBackend({ backend }: Config): Backend {
  if (backend === undefined) throw wrong('backend or roots is needed: roots takes a directory path, or several')
  for (const method of ['listProjects', 'getProject', 'openFile'] as const) {
    if (typeof backend[method] !== 'function') throw wrong(`backend has no method ${method}`)
  }
  return backend
}

/** The auther that `passwordFile` stands for. */
function passwordsOf({ auther, passwordFile }: Config, logger: Logger): HtpasswdAuther | undefined {
  if (passwordFile === undefined) return undefined
  if (auther !== undefined) throw wrong('give auther or passwordFile, not both')
  return htpasswd(path('passwordFile', passwordFile), { logger })
}

/** The auther that `tokenFile` stands for. */
function tokensOf({ tokenFile }: Config, logger: Logger): TokenAuther | undefined {
  return tokenFile === undefined ? undefined : tokens(path('tokenFile', tokenFile), { logger })
}

/** The authorizer that `rulesFile` stands for. */
function rulesOf({ authorizer, rulesFile }: Config, logger: Logger): RulesAuthorizer | undefined {
  if (rulesFile === undefined) return undefined
  if (authorizer !== undefined) throw wrong('give authorizer or rulesFile, not both')
  return rules(path('rulesFile', rulesFile), { logger })
}

/** Everything by which somebody can log in, in the order in which it is asked. */
function autherOf(candidates: readonly (Auther | undefined)[]): Auther | undefined {
  const authers = candidates.filter((auther) => auther !== undefined)
  return authers.length > 1 ? anyOf(...authers) : authers[0]
}

function checkedAuther({ auther }: Config): Auther | undefined {
  if (auther === undefined || typeof auther === 'function') return auther
  throw wrong('auther takes a function (username, password) => true or false, or a promise of it')
}

function authenticateOf({ authenticate = ['update'] }: Config): ReadonlySet<ActionGroup> {
  if (!Array.isArray(authenticate)) throw wrong(`authenticate takes a list of ${actionGroups.join(', ')}`)
  for (const group of authenticate as readonly unknown[]) {
    if (!actionGroups.includes(String(group))) {
      throw wrong(`authenticate: ${JSON.stringify(group)} is none of ${actionGroups.join(', ')}`)
    }
  }
  return new Set(authenticate)
}

function hashAlgoOf({ hashAlgo = 'sha256' }: Config): string | false {
  if (hashAlgo === false || (typeof hashAlgo === 'string' && isHashAlgorithm(hashAlgo))) return hashAlgo
  throw wrong(`hashAlgo: ${JSON.stringify(hashAlgo)} is none of ${hashAlgorithms().join(', ')}, or false`)
}

function fallbackOf({ fallbackUrl, disableFallback = false }: Config): string | undefined {
  boolean('disableFallback', disableFallback)
  if (fallbackUrl === undefined) return undefined
  const url = httpUrl('fallbackUrl', fallbackUrl)
  return disableFallback ? undefined : url
}

function healthEndpointOf({ healthEndpoint = '/health' }: Config): string {
  if (typeof healthEndpoint === 'string' && /^\/[A-Za-z0-9/_-]+$/.test(healthEndpoint)) return healthEndpoint
  throw wrong(`healthEndpoint: ${JSON.stringify(healthEndpoint)} is not a / followed by letters, digits, /, _ and -`)
}

function welcomeOf({ welcome }: Config): string | undefined {
  if (welcome === undefined) return undefined
  if (typeof welcome !== 'string') throw wrong('welcome takes the HTML of a page')
  const unknown = unknownWelcomeVariable(welcome)
  if (unknown === undefined) return welcome
  throw wrong(`welcome: ${JSON.stringify(unknown)} is none of ${welcomeVariables().join(', ')} in {{ }}`)
}

function baseUrlOf({ baseUrl }: Config): string | undefined {
  return baseUrl === undefined ? undefined : httpUrl('baseUrl', baseUrl)
}

function trustProxyOf({ trustProxy = 'loopback' }: Config): boolean | 'loopback' {
  if (trustProxy === 'loopback' || typeof trustProxy === 'boolean') return trustProxy
  throw wrong(`trustProxy: ${JSON.stringify(trustProxy)} is none of true, false, "loopback"`)
}

/** The address with exactly one trailing slash. */
function httpUrl(key: string, text: unknown): string {
  // Paths are put behind it, so that a query or fragment would swallow them.
  if (typeof text === 'string' && /^https?:\/\/[^/][^?#]*$/i.test(text) && URL.canParse(text)) {
    return `${new URL(text).href.replace(/\/+$/, '')}/`
  }
  throw wrong(`${key}: ${JSON.stringify(text)} is not an http or https address without a query`)
}

function secondsOf(key: string, value: unknown): number | undefined {
  if (value === undefined) return undefined
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw wrong(`${key}: ${JSON.stringify(value)} is not a whole number of seconds`)
}

function path(key: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw wrong(`${key} takes a path`)
}

function positive(key: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number
  throw wrong(`${key}: ${JSON.stringify(value)} is not a whole number above 0`)
}

function boolean(key: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(`${key}: ${JSON.stringify(value)} is neither true nor false`)
}

function wrong(message: string): PypiServerError {
  return new PypiServerError('ERR_PYPI_CONFIG', message)
}
