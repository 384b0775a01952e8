import { isIPv6 } from 'node:net'
import { LRUCache } from 'lru-cache'
import { PypiServerError } from '../errors.js'
import type { Logger } from '../logger.js'
import { plainAddress } from '../util/address-list.js'
import { andThen, isPromise } from '../util/awaitable.js'
import { remembered } from '../util/remembered.js'
import type { Awaitable, Identity } from './auther.js'
import { successCache } from './success-cache.js'

/** Somebody who wants to log in. */
export interface LoginAttempt {
  /** Where from; without, nothing is counted. */
  readonly address: string | undefined
  readonly username: string
  readonly password: string
  /** Finds out who it is; null for nobody. */
  readonly check: () => Awaitable<Identity | null>
}

/** Slows down who guesses passwords. */
export interface LoginGuard {
  /** What the check says; at once where it does. @throws ERR_PYPI_TOO_MANY_LOGINS, and whatever the check throws */
  readonly attempt: (attempt: LoginAttempt) => Awaitable<Identity | null>
}

export interface LoginGuardOptions {
  /** Of one address, without a delay; `Infinity` counts nothing. */
  readonly maxFailuresPerMinute: number
  readonly logger: Logger
  /** Milliseconds before a login of an address with more failures is looked at. @default 1000 */
  readonly delayMs?: number
}

const minuteMs = 60_000
const maxAddresses = 10_000
/** Logins of one address that are looked at together: fewer than may wait for the password thread, so that others come in. */
const maxPending = 128
/** Logins of one address that wait for their delay; those beyond are refused. */
const maxDelayed = 8

/**
 * Counts failed logins for each address, an IPv6 network of one site as one. Above the limit every login from there waits
 * for a second, a few at a time, and a wrong one is refused: guessing becomes slow, and nobody is locked out, least of all
 * from elsewhere. Credentials that were right within this minute do not wait.
 */
export function createLoginGuard({ maxFailuresPerMinute, logger, delayMs = 1000 }: LoginGuardOptions): LoginGuard {
  const failures = new LRUCache<string, number>({ max: maxAddresses, ttl: minuteMs, noUpdateTTL: true })
  const right = successCache<true>({ maxEntries: 1000, ttlMs: minuteMs })
  const pending = counter()
  const delayed = counter()
  const knownSource = remembered((address = '') => sourceOf(address))

  async function delay(source: string): Promise<void> {
    if (delayed.count(source) >= maxDelayed) throw tooMany()
    await delayed.during(source, () => new Promise((fulfil) => setTimeout(fulfil, delayMs)))
  }

  function fail(source: string): void {
    const count = (failures.get(source) ?? 0) + 1
    failures.set(source, count)
    if (count === maxFailuresPerMinute) logger.warn({ address: source, failures: count }, 'many logins failed')
  }

  function attempt({ address, username, password, check }: LoginAttempt): Awaitable<Identity | null> {
    if (address === undefined || maxFailuresPerMinute === Number.POSITIVE_INFINITY) return check()
    const source = knownSource(address)
    const count = failures.get(source) ?? 0
    const isSuspect = count >= maxFailuresPerMinute || pending.count(source) >= maxPending
    const key = count === 0 ? undefined : right.key(source, username, password)
    const mustWait = isSuspect && (key === undefined || !right.get(key))
    const checked = mustWait ? delay(source).then(() => pending.during(source, check)) : pending.during(source, check)
    return andThen(checked, (identity) => {
      if (identity !== null) {
        if (key !== undefined) right.set(key, true)
        return identity
      }
      fail(source)
      if (isSuspect) throw tooMany()
      return null
    })
  }

  return { attempt }
}

interface Counter {
  readonly count: (key: string) => number
  readonly during: <T>(key: string, work: () => Awaitable<T>) => Awaitable<T>
}

/** Counts what is under way; forgets keys of which nothing is. */
function counter(): Counter {
  const counts = new Map<string, number>()
  const count = (key: string): number => counts.get(key) ?? 0
  return {
    count,
    during: (key, work) => {
      const running = work()
      if (!isPromise(running)) return running
      counts.set(key, count(key) + 1)
      return running.finally(() => {
        if (count(key) === 1) counts.delete(key)
        else counts.set(key, count(key) - 1)
      })
    },
  }
}

/** One site has as many IPv6 addresses as it likes, all with the same first half. */
function sourceOf(address: string): string {
  const plain = plainAddress(address)
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('%', 1)[0]?.split('::') ?? []
  const groups = head === '' ? [] : head.split(':')
  const rest = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length)
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...rest]
  return `${all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

function tooMany(): PypiServerError {
  return new PypiServerError(
    'ERR_PYPI_TOO_MANY_LOGINS',
    'too many failed logins from this address; try again in a minute',
  )
}
