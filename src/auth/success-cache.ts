import { hash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { PypiServerError } from '../errors.js'
import { turnMemory } from '../util/turn-memory.js'

/** Remembers logins that succeeded, without holding any password beyond the turn of the event loop that it came in. */
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
  // One client sends many requests at once, all with the same login.
  const keys = turnMemory<string>()

  function key(...credentials: readonly string[]): string {
    // JSON keeps the parts apart whatever they contain, lone surrogates too.
    const text = JSON.stringify(credentials)
    const known = keys.get(text)
    if (known !== undefined) return known
    // No HMAC, which takes three times as long: it is needed where somebody sees digests, and these never leave this process.
    const made = hash('sha256', secret + text, 'hex')
    keys.set(text, made)
    return made
  }

  return {
    key,
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
