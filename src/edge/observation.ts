import { randomUUID } from 'node:crypto'
import { isTrusted, type TrustedProxies } from './location.js'

/** What is known of a request once it was answered. */
export interface RequestReport {
  /** What a trusted proxy called it in `X-Request-Id`, or a new UUID. */
  readonly requestId: string
  /** Where the client is; `-` when that is not known. */
  readonly address: string
  /** Name of who logged in; null for anonymous. */
  readonly user: string | null
  /** As the client sent it, in upper case. */
  readonly method: string
  /** Below the mount point, as the client wrote it, without query. */
  readonly path: string
  /** The pattern that the path matched, such as `/simple/:project/`; `none` where nothing did. */
  readonly route: string
  /** HTTP status of the answer. */
  readonly status: number
  /** Length of the body that was announced; `undefined` for a stream that does not say. */
  readonly bytes: number | undefined
  /** Milliseconds until the answer was sent; for `app.fetch`, until it was there. */
  readonly ms: number
  /** Empty when the client did not say. */
  readonly userAgent: string
}

/** Who hears of requests. */
export interface Observation {
  /** Whether anybody does: telling of one costs a tenth of answering it. */
  readonly isOn: () => boolean
  readonly tell: (report: RequestReport) => void
}

// Ids are repeated in headers and in lines of the log: nothing that could end either.
const idPattern = /^[A-Za-z0-9._~:/+=@-]{1,128}$/

/** What a request is called: as trusted proxies call it, else by a name of our own if somebody will hear of it. */
export function requestIdOf(
  { trustProxy, observation }: { readonly trustProxy: TrustedProxies; readonly observation: Observation },
  given: string | undefined,
  peer: string | undefined,
): string | undefined {
  if (given !== undefined && idPattern.test(given) && isTrusted(trustProxy, peer)) return given
  return observation.isOn() ? randomUUID() : undefined
}
