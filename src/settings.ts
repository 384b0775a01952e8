import type { BlockList } from 'node:net'
import type { ActionGroup, Auther, Authorizer, Identify } from './auth/auther.js'
import { anyOf } from './auth/combine.js'
import { type HtpasswdAuther, htpasswd } from './auth/htpasswd.js'
import { type RulesAuthorizer, rules } from './auth/rules.js'
import { type TokenAuther, tokens } from './auth/tokens.js'
import type { Backend } from './backend.js'
import { type DirectoryBackend, directory } from './backends/directory/directory.js'
import type { Config } from './config.js'
import { createDigesters, type DigesterFactory, hashAlgorithms, isHashAlgorithm } from './digests/digest.js'
import {
  type AttestationPolicy,
  type AttestationsSetting,
  createAttestationPolicy,
  type TrustedPublisher,
} from './domain/attestation-policy.js'
import { createInspector, type Inspector, type Validation } from './domain/inspector.js'
import { isNamePattern, type NameRule, nameRule } from './domain/name-rule.js'
import type { Hooks } from './domain/publishing.js'
import type { Listeners } from './events.js'
import { type Limits, limitsOf } from './limits.js'
import { type Logger, silentLogger } from './logger.js'
import { unknownWelcomeVariable, welcomeVariables } from './render/pages.js'
import { addressList } from './util/address-list.js'
import {
  boolean,
  checkFunction,
  checkMethods,
  fieldsOf,
  httpUrl,
  path,
  shown,
  unknownKey,
  wholeNumber,
  wrongConfig,
} from './util/config-value.js'

/** A configuration with every default filled in. */
export interface Settings {
  readonly backend: Backend
  readonly auther: Auther | undefined
  readonly identify: Identify | undefined
  readonly authenticate: ReadonlySet<ActionGroup>
  readonly authorizer: Authorizer | undefined
  readonly overwrite: boolean
  readonly attestations: AttestationPolicy
  readonly fragment: string | false
  readonly fallbackUrl: string | undefined
  readonly isReserved: NameRule
  readonly healthEndpoint: string
  readonly metricsEndpoint: string | undefined
  readonly gatherMetrics: Config['gatherMetrics']
  readonly welcome: string | undefined
  readonly cacheControl: number | undefined
  readonly sendfile: string | undefined
  readonly limits: Limits
  readonly inspector: Inspector
  readonly digesters: DigesterFactory
  readonly baseUrl: string | undefined
  readonly trustProxy: boolean | BlockList
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
  identify: true,
  passwordFile: true,
  tokenFile: true,
  authenticate: true,
  authorizer: true,
  rulesFile: true,
  overwrite: true,
  attestations: true,
  hashAlgo: true,
  fallbackUrl: true,
  disableFallback: true,
  privateNames: true,
  healthEndpoint: true,
  metricsEndpoint: true,
  gatherMetrics: true,
  welcome: true,
  cacheControl: true,
  sendfile: true,
  limits: true,
  validation: true,
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
  if (typeof config !== 'object' || config === null) throw wrongConfig('createApp takes an object')
  const unknown = Object.keys(config).find((key) => !Object.hasOwn(knownKeys, key))
  if (unknown !== undefined) throw wrongConfig(unknownKey(unknown, Object.keys(knownKeys)))
  const { overwrite = false } = config
  const logger = loggerOf(config)
  const fragment = hashAlgoOf(config)
  const limits = limitsOf(config.limits)
  const owned = {
    inspector: createInspector({ validation: validationOf(config), limits }),
    backend: backendOf(config, logger, fragment),
    tokens: tokensOf(config, logger),
    passwords: passwordsOf(config, logger, limits),
    authorizer: rulesOf(config, logger),
  }
  const { backend = checkedBackend(config), authorizer = checkedAuthorizer(config) } = owned
  return {
    backend,
    auther: autherOf([owned.tokens, owned.passwords, checkedAuther(config)]),
    identify: identifyOf(config),
    authenticate: authenticateOf(config),
    authorizer,
    overwrite: boolean('overwrite', overwrite),
    attestations: createAttestationPolicy(attestationsOf(config)),
    fragment,
    fallbackUrl: fallbackOf(config),
    isReserved: nameRule(privateNamesOf(config)),
    healthEndpoint: healthEndpointOf(config),
    metricsEndpoint: metricsEndpointOf(config),
    gatherMetrics: gatherMetricsOf(config),
    welcome: welcomeOf(config),
    cacheControl: cacheControlOf(config),
    sendfile: sendfileOf(config, backend),
    limits,
    inspector: owned.inspector,
    digesters: createDigesters(),
    baseUrl: baseUrlOf(config),
    trustProxy: trustProxyOf(config),
    hooks: hooksOf(config),
    events: eventsOf(config),
    logger,
    closers: Object.values(owned).flatMap((own) => (own === undefined ? [] : [() => own.close()])),
  }
}

/** The backend that `roots` stands for. */
function backendOf({ backend, roots }: Config, logger: Logger, fragment: string | false): DirectoryBackend | undefined {
  if (roots === undefined) return undefined
  if (backend !== undefined) throw wrongConfig('give backend or roots, not both')
  const paths: readonly unknown[] = [roots].flat()
  if (paths.length === 0) throw wrongConfig('roots takes a directory path, or a list of them')
  for (const root of paths) path('roots', root)
  return directory(roots, { logger, ...(fragment !== false && { hashAlgorithm: fragment }) })
}

function checkedBackend({ backend }: Config): Backend {
  if (backend === undefined) throw wrongConfig('backend or roots is needed: roots takes a directory path, or several')
  checkMethods('backend', backend, ['listProjects', 'getProject', 'openFile'])
  return backend
}

/** The auther that `passwordFile` stands for. */
function passwordsOf(
  { auther, passwordFile }: Config,
  logger: Logger,
  { maxWaitingLogins }: Limits,
): HtpasswdAuther | undefined {
  if (passwordFile === undefined) return undefined
  if (auther !== undefined) throw wrongConfig('give auther or passwordFile, not both')
  return htpasswd(path('passwordFile', passwordFile), { logger, maxWaiting: maxWaitingLogins })
}

/** The auther that `tokenFile` stands for. */
function tokensOf({ tokenFile }: Config, logger: Logger): TokenAuther | undefined {
  return tokenFile === undefined ? undefined : tokens(path('tokenFile', tokenFile), { logger })
}

/** The authorizer that `rulesFile` stands for. */
function rulesOf({ authorizer, rulesFile }: Config, logger: Logger): RulesAuthorizer | undefined {
  if (rulesFile === undefined) return undefined
  if (authorizer !== undefined) throw wrongConfig('give authorizer or rulesFile, not both')
  return rules(path('rulesFile', rulesFile), { logger })
}

function attestationsOf({ attestations = 'off' }: Config): AttestationsSetting {
  if (attestations === 'off' || attestations === 'unverified') return attestations
  if (typeof attestations !== 'object' || attestations === null)
    throw wrongConfig(
      `attestations: ${shown(attestations)} is none of "off", "unverified", { trustedRoot, publishers }`,
    )
  const { trustedRoot, publishers } = fieldsOf('attestations', attestations, ['trustedRoot', 'publishers'])
  if (!Array.isArray(publishers) || publishers.length === 0)
    throw wrongConfig('attestations.publishers takes a list of at least one { issuer, identity, projects }')
  return {
    trustedRoot: path('attestations.trustedRoot', trustedRoot),
    publishers: publishers.map((publisher, index) => publisherOf(`attestations.publishers[${index}]`, publisher)),
  }
}

function publisherOf(key: string, value: unknown): TrustedPublisher {
  const { issuer, identity, projects = ['*'] } = fieldsOf(key, value, ['issuer', 'identity', 'projects'])
  if (typeof issuer !== 'string' || issuer === '') throw wrongConfig(`${key}.issuer takes the address of an issuer`)
  // A lone star trusts whoever the issuer knows.
  if (typeof identity !== 'string' || !/[^*]/.test(identity))
    throw wrongConfig(`${key}.identity takes a subject, in which * stands for anything`)
  const isGlob = (glob: unknown): boolean => typeof glob === 'string' && glob !== ''
  if (!Array.isArray(projects) || projects.length === 0 || !projects.every(isGlob))
    throw wrongConfig(`${key}.projects takes a list of project globs`)
  return { issuer, identity, projects }
}

/** Everything by which somebody can log in, in the order in which it is asked. */
function autherOf(candidates: readonly (Auther | undefined)[]): Auther | undefined {
  const authers = candidates.filter((auther) => auther !== undefined)
  return authers.length > 1 ? anyOf(...authers) : authers[0]
}

function checkedAuther({ auther }: Config): Auther | undefined {
  if (auther !== undefined) checkFunction('auther', auther, '(username, password) => true or false, or a promise of it')
  return auther
}

function identifyOf({ identify }: Config): Identify | undefined {
  if (identify !== undefined)
    checkFunction('identify', identify, '(context) => { name }, or nobody, or a promise of it')
  return identify
}

function checkedAuthorizer({ authorizer }: Config): Authorizer | undefined {
  if (authorizer !== undefined)
    checkFunction('authorizer', authorizer, '(identity, context) => true or false, or a promise of it')
  return authorizer
}

function authenticateOf({ authenticate = ['update'] }: Config): ReadonlySet<ActionGroup> {
  if (!Array.isArray(authenticate)) throw wrongConfig(`authenticate takes a list of ${actionGroups.join(', ')}`)
  for (const group of authenticate as readonly unknown[]) {
    if (typeof group === 'string' && actionGroups.includes(group)) continue
    throw wrongConfig(`authenticate: ${shown(group)} is none of ${actionGroups.join(', ')}`)
  }
  return new Set(authenticate)
}

function validationOf({ validation = 'standard' }: Config): Validation {
  if (validation === 'standard' || validation === 'strict') return validation
  throw wrongConfig(`validation: ${shown(validation)} is none of "standard", "strict"`)
}

function hashAlgoOf({ hashAlgo = 'sha256' }: Config): string | false {
  if (hashAlgo === false || (typeof hashAlgo === 'string' && isHashAlgorithm(hashAlgo))) return hashAlgo
  throw wrongConfig(`hashAlgo: ${shown(hashAlgo)} is none of ${hashAlgorithms().join(', ')}, or false`)
}

function fallbackOf({ fallbackUrl, disableFallback = false }: Config): string | undefined {
  boolean('disableFallback', disableFallback)
  if (fallbackUrl === undefined) return undefined
  const url = httpUrl('fallbackUrl', fallbackUrl)
  return disableFallback ? undefined : url
}

function privateNamesOf({ privateNames = [] }: Config): readonly string[] {
  if (!Array.isArray(privateNames)) throw wrongConfig('privateNames takes a list of project names, with or without *')
  for (const pattern of privateNames as readonly unknown[]) {
    if (typeof pattern === 'string' && isNamePattern(pattern)) continue
    // It would protect nothing.
    throw wrongConfig(`privateNames: ${shown(pattern)} is no project name, with or without *`)
  }
  return privateNames
}

function healthEndpointOf({ healthEndpoint = '/health' }: Config): string {
  return endpoint('healthEndpoint', healthEndpoint)
}

function metricsEndpointOf({ metricsEndpoint }: Config): string | undefined {
  return metricsEndpoint === undefined ? undefined : endpoint('metricsEndpoint', metricsEndpoint)
}

function gatherMetricsOf({ gatherMetrics }: Config): Config['gatherMetrics'] {
  if (gatherMetrics !== undefined) checkFunction('gatherMetrics', gatherMetrics, '(own) => a text, or a promise of it')
  return gatherMetrics
}

function endpoint(key: string, value: unknown): string {
  if (typeof value === 'string' && /^\/[A-Za-z0-9/_-]+$/.test(value)) return value
  throw wrongConfig(`${key}: ${shown(value)} is not a / followed by letters, digits, /, _ and -`)
}

function welcomeOf({ welcome }: Config): string | undefined {
  if (welcome === undefined) return undefined
  if (typeof welcome !== 'string') throw wrongConfig('welcome takes the HTML of a page')
  const unknown = unknownWelcomeVariable(welcome)
  if (unknown === undefined) return welcome
  throw wrongConfig(`welcome: ${JSON.stringify(unknown)} is none of ${welcomeVariables().join(', ')} in {{ }}`)
}

function baseUrlOf({ baseUrl }: Config): string | undefined {
  return baseUrl === undefined ? undefined : httpUrl('baseUrl', baseUrl)
}

function trustProxyOf({ trustProxy = 'loopback' }: Config): boolean | BlockList {
  if (typeof trustProxy === 'boolean') return trustProxy
  if (trustProxy === 'loopback' || Array.isArray(trustProxy)) return addressList('trustProxy', [trustProxy].flat())
  throw wrongConfig(`trustProxy: ${shown(trustProxy)} is none of true, false, "loopback", nor a list of addresses`)
}

/** Seconds. */
function cacheControlOf({ cacheControl }: Config): number | undefined {
  return cacheControl === undefined ? undefined : wholeNumber('cacheControl', cacheControl)
}

function sendfileOf({ sendfile, trustProxy }: Config, { localFile }: Backend): string | undefined {
  if (sendfile === undefined) return undefined
  if (typeof sendfile !== 'string' || !/^(?:x-sendfile|(?:\/(?!\.\.?\/)[A-Za-z0-9._~-]+)+\/)$/.test(sendfile))
    throw wrongConfig(`sendfile: ${shown(sendfile)} is neither "x-sendfile" nor a path such as "/protected/"`)
  if (trustProxy === false || (Array.isArray(trustProxy) && trustProxy.length === 0))
    throw wrongConfig('sendfile: trustProxy trusts nobody, so that no front server would be told of files')
  if (localFile === undefined) throw wrongConfig('sendfile: the backend has no localFile, so that it tells no paths')
  return sendfile
}

function hooksOf({ hooks = {} }: Config): Hooks {
  checkOptionalMethods('hooks', hooks, { beforePublish: true } satisfies Record<keyof Hooks, true>)
  return hooks
}

function eventsOf({ events = {} }: Config): Listeners {
  const known: Record<keyof Listeners, true> = { publish: true, remove: true, yank: true, status: true }
  checkOptionalMethods('events', events, known)
  return events
}

/** A name that is not known would never be called. */
function checkOptionalMethods(key: string, value: unknown, known: Readonly<Record<string, true>>): void {
  fieldsOf(key, value, Object.keys(known))
  checkMethods(key, value, Object.keys(known), [])
}

function loggerOf({ logger = silentLogger }: Config): Logger {
  checkMethods('logger', logger, ['debug', 'info', 'warn', 'error'])
  return logger
}
