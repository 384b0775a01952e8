import { type Logger, silentLogger } from '../logger.js'
import { andThen } from '../util/awaitable.js'
import type { AuthContext, Awaitable, Identity } from './auther.js'
import { isAllowed, parseRules } from './rules-format.js'
import { watchedFile } from './watched-file.js'

/** What rules look at. */
export type RuleContext = Pick<AuthContext, 'action' | 'project'>

/** An authorizer over a rules file. */
export interface RulesAuthorizer {
  /**
   * Whether some rule allows it; without one it is denied. At once while the file is local and stays as it was read.
   *
   * @throws ERR_PYPI_AUTH_UNAVAILABLE while the file is missing, unreadable or malformed, ERR_PYPI_CLOSED after `close`.
   */
  (identity: Identity | null, context: RuleContext): Awaitable<boolean>
  /** Forgets the rules. Idempotent. */
  close(): Promise<void>
}

/** Options of {@link rules}. */
export interface RulesOptions {
  /** Hears when the file cannot be used, and where it is malformed. @default silent */
  readonly logger?: Logger
}

/** Bytes; a larger rules file is refused. */
export const maxRulesBytes = 1024 * 1024

/**
 * May they? As a file of rules says, which counts from the next request after it changes. Whatever no rule allows is
 * denied; there are no rules that take something away, so their order means nothing.
 *
 * - `who`: user names, `token:<name>`, `@group`, `authenticated` (whoever logged in), `anyone` (anonymous, too). A rule
 *   for a user holds for the tokens made for that user.
 * - `may`: `list`, `download`, `upload`, `remove`, `yank`, `admin`, or `all` alone.
 * - `projects`: globs on project names, where `*` is any run of characters and `?` exactly one. Without it the rule is
 *   about every project; pages about all projects at once are for rules about every project only.
 *
 * Each takes one text or a list. JSON, because a file of which an editor has written half must not parse.
 *
 * @example
 * { "groups": { "ci": ["bob", "token:release"] },
 *   "rules": [
 *     { "who": "anyone", "may": ["list", "download"] },
 *     { "who": "@ci", "may": "upload", "projects": ["acme-*"] } ] }
 */
export function rules(path: string, options: RulesOptions = {}): RulesAuthorizer {
  const { logger = silentLogger } = options
  const file = watchedFile(path, { noun: 'rules file', maxBytes: maxRulesBytes, parse: parseRules, logger })

  function authorize(identity: Identity | null, { action, project }: RuleContext): Awaitable<boolean> {
    return andThen(file.atHand() ?? file.current(), (known) => isAllowed(known, identity, action, project))
  }

  return Object.assign(authorize, { close: async () => file.close() })
}
