import { createLoginGuard } from './auth/login-guard.js'
import type { Backend } from './backend.js'
import type { Config } from './config.js'
import { createManagement } from './domain/management.js'
import { createProjectIndex } from './domain/project-index.js'
import { type AccessOptions, isRestricted } from './edge/access.js'
import { createDispatcher } from './edge/dispatch.js'
import type { Edge } from './edge/edge.js'
import { createFetchHandler, type FetchHandler } from './edge/fetch.js'
import { createContinueHandler, createNodeHandler, type NodeHandler } from './edge/node.js'
import { answerWellKnown } from './edge/well-known.js'
import { errorMessage, PypiServerError } from './errors.js'
import { createEvents } from './events.js'
import type { Limits } from './limits.js'
import { silentLogger } from './logger.js'
import { createPages } from './routes/pages.js'
import type { Services } from './routes/route.js'
import { routeTable } from './routes/table.js'
import { type Settings, settingsOf } from './settings.js'
import { createSlots, type Slots } from './util/slots.js'
import { version } from './version.js'

/** A package index: itself a handler for node:http and everything built on it. */
export interface App extends NodeHandler {
  /** The same index for hosts that speak `Request` and `Response`. */
  readonly fetch: FetchHandler
  /**
   * A second, small handler for the root of the host, where uploaders look for trusted publishing (`/_/oidc/…`,
   * `/.well-known/pytp`) wherever the index is mounted: 404 in a form that they read. Everything else goes to `next`.
   */
  readonly wellKnown: NodeHandler
  /** Backend behind it: the one of the configuration, or the directories of `roots`. */
  readonly backend: Backend
  /** Fulfils when the index can answer, so that the first request need not wait; rejects with the reason why it cannot. */
  readonly ready: () => Promise<void>
  /**
   * For `server.on('checkContinue', app.checkContinue)`: clients that ask first (`Expect: 100-continue`) are refused before
   * they send their body. Without it, Node tells them to go on before anybody has looked.
   */
  readonly checkContinue: NodeHandler
  /** From now on the health endpoint answers `?ready` with 503, and all else goes on. */
  readonly drain: () => void
  /**
   * Ends what the app started itself: watchers, threads, timers; running uploads have ten seconds. A backend or auther
   * that was handed in stays open. Idempotent.
   */
  readonly close: () => Promise<void>
  /** {@link App.close}, for `await using app = createApp(…)`. */
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

/**
 * A PyPI-compatible package index. Pure: no file, socket or timer is touched before the first request or `ready()`.
 *
 * @example createServer(createApp({ roots: './packages', passwordFile: './htpasswd' })).listen(8080)
 * @throws PypiServerError `ERR_PYPI_CONFIG`, naming the key and what it takes
 */
export function createApp(config: Config): App {
  const settings = settingsOf(config)
  const uploads = uploadSlots(settings.limits)
  let isDraining = false
  const edge = edgeOf(settings, { uploads, isDraining: () => isDraining })
  const close = once(async () => {
    await Promise.race([uploads.idle(), delay(drainMs)])
    for (const end of settings.closers) await end()
  })
  return Object.assign(createNodeHandler(edge), {
    fetch: createFetchHandler(edge),
    wellKnown: answerWellKnown,
    backend: settings.backend,
    ready: async () => void (await Promise.all([settings.attestations.check(), settings.backend.check?.()])),
    checkContinue: createContinueHandler(edge),
    drain: () => {
      isDraining = true
    },
    close,
    [Symbol.asyncDispose]: close,
  })
}

const drainMs = 10_000

function edgeOf(settings: Settings, state: Pick<Services, 'uploads' | 'isDraining'>): Edge {
  const { backend, logger, healthEndpoint, baseUrl, trustProxy } = settings
  const events = createEvents(settings.events, (error, event) => {
    logger.error({ event, reason: errorMessage(error) }, 'an event listener failed')
  })
  const services: Services = {
    ...settings,
    ...state,
    index: createProjectIndex(backend),
    pages: createPages(settings.limits.maxPageCacheBytes),
    management: createManagement({ backend, events, logger }),
    events,
    provenanceLinks: {
      isShown: settings.attestations.shows,
      ...(baseUrl?.startsWith('https:') && { secureBase: baseUrl }),
    },
    isPrivate: (action) => isRestricted(settings, action),
    version,
  }
  const { maxLoginFailuresPerMinute } = settings.limits
  const logins = createLoginGuard({ maxFailuresPerMinute: maxLoginFailuresPerMinute, logger })
  const access: AccessOptions = { ...settings, logins }
  const dispatcher = createDispatcher(routeTable(healthEndpoint), services, access)
  return { dispatcher, logger, isLogging: logger !== silentLogger, baseUrl, trustProxy }
}

/** Fulfils after a while, and keeps no process alive for it. */
function delay(ms: number): Promise<void> {
  return new Promise((fulfil) => setTimeout(fulfil, ms).unref())
}

function uploadSlots({ maxUploads, maxWaitingUploads, maxUploadWaitMs }: Limits): Slots {
  const refuse = (): PypiServerError => {
    const message = `${maxUploads} uploads are running and others are waiting already; try again`
    return new PypiServerError('ERR_PYPI_OVERLOADED', message)
  }
  return createSlots({ running: maxUploads, waiting: maxWaitingUploads, waitMs: maxUploadWaitMs, refuse })
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= work()
    return running
  }
}
