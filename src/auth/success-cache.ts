import { hash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { PypiServerError } from '../errors.js'

/** Remembers logins that succeeded, without holding any password. */
export interface SuccessCache<T> {
  /** The key of these credentials: a SHA-256 of them behind a secret of this cache, useless elsewhere. */
  key(...credentials: readonly string[]): string
  get(key: string): T | undefined
  set(key: string, value: T): void
  clear(): void
}

export interface SuccessCacheOptions {
  /** The least recently used goes first. */
  readonly maxEntries: number
  /** Counted from the login, not from the last use. */
  readonly ttlMs: number
  /** Milliseconds that never run backwards. @default performance */
  readonly clock?: { now(): number }
}

/** @throws ERR_PYPI_CONFIG when a limit is not a positive whole number, which would mean «unlimited» further down. */
export function successCache<T extends object | true>(options: SuccessCacheOptions): SuccessCache<T> {
  const { maxEntries, ttlMs, clock = performance } = options
  assertPositive('entries of the login cache', maxEntries)
  assertPositive('milliseconds in the login cache', ttlMs)
  const secret = randomBytes(32).toString('hex')
  const entries = new LRUCache<string, T>({ max: maxEntries, ttl: ttlMs, ttlResolution: 0, perf: clock })
  return {
    // JSON keeps the parts apart whatever they contain, lone surrogates too. No HMAC, which takes three times as long: it
    // is needed where somebody sees digests, and these never leave this process.
    key: (...credentials) => hash('sha256', secret + JSON.stringify(credentials), 'hex'),
    get: (key) => entries.get(key),
    set: (key, value) => {
      entries.set(key, value)
    },
    clear: () => entries.clear(),
  }
}

function assertPositive(what: string, value: number): void {
  if (Number.isSafeInteger(value) && value > 0) return
  throw new PypiServerError('ERR_PYPI_CONFIG', `${what} must be a whole number above 0, not ${value}`)
}
