import type { Action } from './auth/auther.js'
import { createLoginGuard } from './auth/login-guard.js'
import type { Backend } from './backend.js'
import type { Config } from './config.js'
import { createDiagnostics, type Diagnostics } from './diagnostics.js'
import { createFreeSpace } from './domain/free-space.js'
import { createManagement } from './domain/management.js'
import { createProjectIndex } from './domain/project-index.js'
import { type AccessOptions, isRestricted } from './edge/access.js'
import { createDispatcher } from './edge/dispatch.js'
import type { Edge } from './edge/edge.js'
import { createFetchHandler, type FetchHandler } from './edge/fetch.js'
import { createMetrics, type Metrics } from './edge/metrics.js'
import { createContinueHandler, createNodeHandler, type NodeHandler } from './edge/node.js'
import type { Observation } from './edge/observation.js'
import { answerWellKnown } from './edge/well-known.js'
import { errorMessage, PypiServerError } from './errors.js'
import { createEvents, type Events } from './events.js'
import type { Limits } from './limits.js'
import { type Logger, silentLogger } from './logger.js'
import { createPages } from './routes/pages.js'
import { createReadyFiles, fileCacheControl } from './routes/ready-files.js'
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
  /**
   * What was counted, in Prometheus' text format (0.0.4), for a host that has a metrics page of its own: put it behind what
   * is there already. Counting begins with the first call, or with the app if it has a `metricsEndpoint`.
   */
  readonly metrics: () => string
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
  const metrics = createMetrics(version)
  if (settings.metricsEndpoint !== undefined) metrics.start()
  const edge = edgeOf(settings, { uploads, isDraining: () => isDraining, metrics })
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
    metrics: metrics.text,
    drain: () => {
      isDraining = true
    },
    close,
    [Symbol.asyncDispose]: close,
  })
}

const drainMs = 10_000

type State = Pick<Services, 'uploads' | 'isDraining'> & { readonly metrics: Metrics }

function edgeOf(settings: Settings, { metrics, ...state }: State): Edge {
  const { backend, logger, healthEndpoint, metricsEndpoint, baseUrl, trustProxy } = settings
  const { gatherMetrics = (own: string) => own } = settings
  const diagnostics = createDiagnostics(backend)
  const events = eventsOf(settings, metrics, diagnostics)
  const isPrivate = (action: Action): boolean => isRestricted(settings, action)
  const cacheControl = fileCacheControl(settings.cacheControl, isPrivate('download') ? 'private' : 'public')
  const services: Services = {
    ...settings,
    ...state,
    index: createProjectIndex(backend),
    pages: createPages(settings.limits.maxPageCacheBytes),
    freeSpace: createFreeSpace(settings.limits.minFreeBytes),
    readyFiles: createReadyFiles(backend, cacheControl),
    fileCacheControl: cacheControl,
    management: createManagement({ backend, events, logger }),
    events,
    metrics: () => gatherMetrics(metrics.text()),
    provenanceLinks: {
      isShown: settings.attestations.shows,
      ...(baseUrl?.startsWith('https:') && { secureBase: baseUrl }),
    },
    isPrivate,
    version,
  }
  const { maxLoginFailuresPerMinute } = settings.limits
  const logins = createLoginGuard({ maxFailuresPerMinute: maxLoginFailuresPerMinute, logger })
  const access: AccessOptions = { ...settings, logins }
  const dispatcher = createDispatcher(routeTable(healthEndpoint, metricsEndpoint), services, access)
  return { dispatcher, logger, observation: observationOf(logger, metrics, diagnostics), baseUrl, trustProxy }
}

/** Listeners of the configuration, then everybody else. */
function eventsOf({ events, logger }: Settings, metrics: Metrics, diagnostics: Diagnostics): Events {
  const listeners = createEvents(events, (error, event) => {
    logger.error({ event, reason: errorMessage(error) }, 'an event listener failed')
  })
  return {
    emit: (event, details) => {
      listeners.emit(event, details)
      metrics.countChange(event, event === 'publish' && 'file' in details ? details.file.size : 0)
      diagnostics.publish(event, details)
    },
  }
}

function observationOf(logger: Logger, metrics: Metrics, diagnostics: Diagnostics): Observation {
  const isLogging = logger !== silentLogger
  return {
    isOn: () => isLogging || metrics.isCounting() || diagnostics.hasSubscribers('request'),
    tell: (report) => {
      if (isLogging) logger.info({ ...report, ms: Math.round(report.ms) }, 'request')
      metrics.countRequest(report)
      diagnostics.publish('request', report)
    },
  }
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
