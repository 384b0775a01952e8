import { type Logger, silentLogger } from '../logger.js'
import { andThen } from '../util/awaitable.js'
import type { AuthContext, Awaitable } from './auther.js'
import { htpasswdFile } from './htpasswd-file.js'
import type { HtpasswdTable } from './htpasswd-table.js'
import { type PasswordVerifier, passwordWorker } from './password-worker.js'
import { successCache } from './success-cache.js'

/** An auther over a password file. */
export interface HtpasswdAuther {
  /**
   * Whether the file has this user with this password; at once for a login that was verified before.
   *
   * @throws ERR_PYPI_AUTH_UNAVAILABLE while the file or the verifying thread cannot be used, ERR_PYPI_OVERLOADED when
   * too many logins wait, ERR_PYPI_CLOSED after `close`.
   */
  (username: string, password: string, context?: AuthContext): Awaitable<boolean>
  /** Ends the verifying thread, unless it was given as an option. Idempotent. */
  close(): Promise<void>
}

/** How {@link htpasswd} reads its file and verifies passwords. */
export interface HtpasswdOptions {
  /** Hears when the file cannot be used, and which of its lines have no effect. @default silent */
  readonly logger?: Logger
  /** Successful logins that are remembered, so that 20 requests of one pip cost one bcrypt. @default 1000 */
  readonly maxCached?: number
  /** Milliseconds that each is remembered; a change of the file ends it earlier. @default 300_000 */
  readonly cacheTtlMs?: number
  /** Logins that may wait for one verification to end; others reject. Not for a `verifier` that is given. @default 256 */
  readonly maxWaiting?: number
  /**
   * Verifies off the event loop: give one {@link passwordWorker} to several authers to share its thread, and close it yourself.
   * @default one of its own
   */
  readonly verifier?: PasswordVerifier
}

/** UTF-8 bytes of user name and password together; longer credentials belong to nobody. */
export const maxCredentialBytes = 4096

/**
 * Logins from a file as Apache's `htpasswd` writes it: bcrypt, MD5 (`$apr1$`, `$1$`), `{SHA}`, SHA-crypt and DES crypt;
 * plain text never matches. Changes take effect with the next login. The file is not touched before the first login; while
 * it is missing or malformed, every login rejects. An unknown user takes as long as the slowest hash in the file.
 *
 * @throws ERR_PYPI_CONFIG when a number in the options is not a positive whole one.
 */
export function htpasswd(path: string, options: HtpasswdOptions = {}): HtpasswdAuther {
  const { logger = silentLogger, maxCached = 1000, cacheTtlMs = 300_000, maxWaiting = 256 } = options
  const { verifier = passwordWorker({ maxWaiting }) } = options
  const successes = successCache<true>({ maxEntries: maxCached, ttlMs: cacheTtlMs })
  const file = htpasswdFile(path, { logger, onChange: successes.clear })
  const verifyOnce = sharedVerify(verifier)

  function authenticate(username: string, password: string): Awaitable<boolean> {
    if (!isAcceptable(username, password)) return false
    return andThen(file.atHand() ?? file.current(), (table) => isUser(table, username, password))
  }

  function isUser({ hashes, slowest }: HtpasswdTable, username: string, password: string): Awaitable<boolean> {
    const stored = hashes.get(username)
    const compared = stored ?? slowest
    if (compared === undefined) return false
    const key = successes.key(username, password, compared)
    if (successes.get(key)) return true
    return verifyOnce(key, password, compared).then((matches) => {
      // Without a hash of one's own there is nothing to match, even with the password of the slowest.
      if (!matches || stored === undefined) return false
      successes.set(key, true)
      return true
    })
  }

  async function close(): Promise<void> {
    successes.clear()
    if (options.verifier === undefined) await verifier.close()
  }

  return Object.assign(authenticate, { close })
}

type SharedVerify = (key: string, password: string, stored: string) => Promise<boolean>

// Equal credentials that arrive together, as from one pip with its parallel requests, are verified once.
function sharedVerify(verifier: PasswordVerifier): SharedVerify {
  const running = new Map<string, Promise<boolean>>()
  return (key, password, stored) => {
    const joined = running.get(key)
    if (joined !== undefined) return joined
    const started = verifier.verify(password, stored).finally(() => running.delete(key))
    running.set(key, started)
    return started
  }
}

function isAcceptable(username: string, password: string): boolean {
  if (username === '' || username.includes('\0') || password.includes('\0')) return false
  return Buffer.byteLength(username) + Buffer.byteLength(password) <= maxCredentialBytes
}
