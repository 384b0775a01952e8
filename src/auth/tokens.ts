import { type Logger, silentLogger } from '../logger.js'
import { andThen } from '../util/awaitable.js'
import type { AuthContext, Awaitable, Identity, Scope } from './auther.js'
import { hashToken, hasTokenPrefix, isUndamagedToken } from './token-format.js'
import { parseTokenRecords, type TokenRecord } from './token-records.js'
import { watchedFile } from './watched-file.js'

/** Who a token stands for. */
export interface TokenIdentity extends Identity {
  /** `token:` and the name of the token; no user name of a Basic login can have the colon. */
  readonly name: string
  /** Twelve hexadecimal digits, by which the token is revoked. */
  readonly tokenId: string
  /** What the token is good for; enforced before any authorizer is asked. */
  readonly scope: Scope
  /** Whose token it is, where it was made for a user. */
  readonly user?: string
}

/** An auther over a file of API tokens. */
export interface TokenAuther {
  /**
   * Who the token among these credentials stands for; false for a token that is unknown, expired or damaged, and for
   * credentials without a token. At once while the file is local and stays as it was read.
   *
   * @throws ERR_PYPI_AUTH_UNAVAILABLE while the file is unreadable or malformed, ERR_PYPI_CLOSED after `close`.
   */
  (username: string, password: string, context?: AuthContext): Awaitable<TokenIdentity | false>
  /** Forgets the tokens. Idempotent. */
  close(): Promise<void>
}

/** Options of {@link tokens}. */
export interface TokensOptions {
  /** Hears why tokens are refused, but never any token. @default silent */
  readonly logger?: Logger
}

/** Bytes; a larger token file is refused: room for more than ten thousand tokens. */
export const maxTokenFileBytes = 8 * 1024 * 1024

/**
 * Logins with the tokens of a file that `createToken` and `revokeToken` write, in every form in which clients send them:
 * as the password of `__token__` or any other user, as the user name with an empty password, and as `Bearer` or `token`
 * (which arrive as `__token__`). Changes count from the next login; no file means no tokens. The file is not touched
 * before a token is presented: in `anyOf` it goes first, and inside `cached` a revoked token would work on for a while.
 */
export function tokens(path: string, options: TokensOptions = {}): TokenAuther {
  const { logger = silentLogger } = options
  const file = watchedFile(path, {
    noun: 'token file',
    maxBytes: maxTokenFileBytes,
    parse: byHash,
    ifMissing: new Map<string, TokenRecord>(),
    logger,
  })

  function authenticate(username: string, password: string): Awaitable<TokenIdentity | false> {
    const token = tokenAmong(username, password)
    if (token === undefined) return false
    if (!isUndamagedToken(token)) return refused('damaged')
    return andThen(file.atHand() ?? file.current(), (records) => {
      // A Map compares in no constant time, and need not: what is compared is a SHA-256 of what the caller sent, so that
      // learning how far it matched a stored one brings nobody nearer to a token.
      const record = records.get(hashToken(token))
      if (record === undefined) return refused('unknown or revoked')
      return isExpired(record) ? refused('expired', record) : identityOf(record)
    })
  }

  function refused(reason: string, record?: TokenRecord): false {
    logger.info({ reason, ...(record && { token: record.name }) }, 'token refused')
    return false
  }

  return Object.assign(authenticate, { close: async () => file.close() })
}

/** pip and others take `https://TOKEN@host/` for a user without a password. */
function tokenAmong(username: string, password: string): string | undefined {
  // White space around a token comes from copying it.
  const candidate = (password === '' ? username : password).trim()
  return hasTokenPrefix(candidate) ? candidate : undefined
}

function byHash(text: string): ReadonlyMap<string, TokenRecord> {
  return new Map(parseTokenRecords(text).map((record) => [record.sha256, record]))
}

function isExpired({ expiresMs = Number.POSITIVE_INFINITY }: TokenRecord): boolean {
  return expiresMs <= Date.now()
}

function identityOf({ id, name, actions, projects, user }: TokenRecord): TokenIdentity {
  return {
    name: `token:${name}`,
    tokenId: id,
    scope: { actions, projects },
    ...(user !== undefined && { user }),
  }
}
