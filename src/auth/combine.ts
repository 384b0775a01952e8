import { andThen, isPromise } from '../util/awaitable.js'
import type { Auther, Awaitable, Identity } from './auther.js'
import { successCache } from './success-cache.js'

/**
 * Asks one after the other until one says yes. One that rejects does not stop the next from being asked; when nobody said
 * yes, the first rejection is the answer, because that auther might have.
 */
export function anyOf(...authers: readonly Auther[]): Auther {
  return (username, password, context) => {
    const failures: unknown[] = []
    const fail = (error: unknown): false => {
      failures.push(error)
      return false
    }

    function askFrom(index: number): Awaitable<Answer> {
      const auther = authers[index]
      if (auther === undefined && failures.length > 0) throw failures[0]
      if (auther === undefined) return false
      return andThen(orFail(auther), (answer) => answer || askFrom(index + 1))
    }

    function orFail(auther: Auther): Awaitable<Answer> {
      try {
        const answer = auther(username, password, context)
        return isPromise(answer) ? answer.then(undefined, fail) : answer
      } catch (error) {
        return fail(error)
      }
    }

    return askFrom(0)
  }
}

type Answer = boolean | Identity | null

/** How much {@link cached} remembers, and for how long. */
export interface CachedOptions {
  /** Milliseconds that a yes is reused; a password revoked meanwhile still works. @default 60_000 */
  readonly ttlMs?: number
  /** Logins that are remembered; the least recently used goes first. @default 1000 */
  readonly maxEntries?: number
}

/**
 * Reuses the auther's yes for the same credentials, whatever is asked for and from where: not for authers that look at the
 * context. Neither a no nor a rejection is kept, nor is any password: entries are found by a digest of the credentials and
 * a secret.
 *
 * @throws ERR_PYPI_CONFIG when a number in the options is not a positive whole one.
 */
export function cached(auther: Auther, options: CachedOptions = {}): Auther {
  const { ttlMs = 60_000, maxEntries = 1000 } = options
  const successes = successCache<true | Identity>({ ttlMs, maxEntries })
  return (username, password, context) => {
    const key = successes.key(username, password)
    const known = successes.get(key)
    if (known !== undefined) return known
    return andThen(auther(username, password, context), (answer) => {
      if (answer) successes.set(key, answer)
      return answer
    })
  }
}
