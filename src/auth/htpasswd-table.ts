import { describeHash } from './hash-formats.js'

/** The users of one reading of a password file. */
export interface HtpasswdTable {
  /** By user name; `undefined` for users who can never log in. */
  readonly hashes: ReadonlyMap<string, string | undefined>
  /** The hash that takes longest to verify: what a login under an unknown name is compared with, for equal time. */
  readonly slowest: string | undefined
  readonly warnings: readonly HtpasswdWarning[]
}

/** A line that has no effect; never holds any of the hash. */
export interface HtpasswdWarning {
  readonly line: number
  readonly user: string
  readonly issue: string
}

const entry = /^(?<user>[^:]+):(?<hash>[^:]*)/

/**
 * Reads lines `user:hash`, where anything behind a second colon is ignored. Blank lines, `#` comments and CRLF are fine;
 * of several lines for one user the first counts. All or nothing: any other line makes the text malformed, which is
 * answered by that line's number.
 */
export function parseHtpasswd(text: string): HtpasswdTable | number {
  const hashes = new Map<string, string | undefined>()
  const warnings: HtpasswdWarning[] = []
  let slowest: { readonly hash: string; readonly effort: number } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue
    const { user, hash } = entry.exec(line.trimEnd())?.groups ?? {}
    if (user === undefined || hash === undefined) return index + 1
    if (hashes.has(user)) {
      warnings.push({ line: index + 1, user, issue: 'the user has a line above, which counts' })
      continue
    }
    const { effort, issue } = describeHash(hash)
    hashes.set(user, issue === undefined ? hash : undefined)
    if (issue !== undefined) warnings.push({ line: index + 1, user, issue })
    else if (slowest === undefined || effort > slowest.effort) slowest = { hash, effort }
  }
  return { hashes, slowest: slowest?.hash, warnings }
}
