import { createHash, timingSafeEqual } from 'node:crypto'
import { hashSync } from 'bcryptjs'
import unixCrypt from 'unix-crypt-td-js'
import { md5Crypt } from './md5-crypt.js'
import { shaCrypt } from './sha-crypt.js'

/** The formats of stored passwords that can be verified. */
export type HashFormat = 'bcrypt' | 'apr1' | 'md5crypt' | 'sha1' | 'sha256crypt' | 'sha512crypt' | 'descrypt'

/** What a stored password's text says about itself. */
export interface HashDescription {
  readonly format: HashFormat | undefined
  /** Roughly the microseconds that one verification takes: good for comparing hashes with each other only. */
  readonly effort: number
  /** Why it can never match, in words fit for a log; absent when it can. */
  readonly issue?: string
}

/** A bcrypt cost above this never matches: at 15 a login takes seconds, at 31 days. */
export const maxBcryptCost = 15

/** A round count above this never matches: at the limit a login takes seconds. */
export const maxShaCryptRounds = 1_000_000

const defaultShaCryptRounds = 5000

interface Scheme {
  readonly format: HashFormat
  readonly pattern: RegExp
  readonly effort: (groups: Groups) => number
  readonly issue?: (groups: Groups) => string | undefined
  /** Whether the password gives this text. */
  readonly matches: (password: string, groups: Groups) => boolean
}

type Groups = Readonly<Record<string, string | undefined>>

// Salts that somebody chose may hold any printable character but `$` and `:`, which end a field.
const schemes: readonly Scheme[] = [
  {
    format: 'bcrypt',
    pattern: /^(?<prefix>\$2[aby]\$(?<cost>0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{22})(?<digest>[./A-Za-z0-9]{31})$/,
    effort: ({ cost }) => 52 * 2 ** Number(cost),
    issue: ({ cost }) => tooExpensive('bcrypt cost', Number(cost), maxBcryptCost),
    matches: (password, { prefix = '', digest }) => isSame(hashSync(password, prefix).slice(-31), digest),
  },
  {
    format: 'apr1',
    pattern: /^\$apr1\$(?<salt>[!-#%-9;-~]{1,8})\$(?<digest>[./0-9A-Za-z]{22})$/,
    effort: () => 1000,
    matches: (password, { salt = '', digest }) => isSame(md5Crypt(Buffer.from(password), salt, '$apr1$'), digest),
  },
  {
    format: 'md5crypt',
    pattern: /^\$1\$(?<salt>[!-#%-9;-~]{1,8})\$(?<digest>[./0-9A-Za-z]{22})$/,
    effort: () => 1000,
    matches: (password, { salt = '', digest }) => isSame(md5Crypt(Buffer.from(password), salt, '$1$'), digest),
  },
  {
    format: 'sha1',
    pattern: /^\{SHA\}(?<digest>[+/0-9A-Za-z]{27}=)$/,
    effort: () => 10,
    matches: (password, { digest }) => isSame(createHash('sha1').update(password).digest('base64'), digest),
  },
  shaCryptScheme(
    'sha256',
    /^\$5\$(?:rounds=(?<rounds>[1-9]\d{3,8})\$)?(?!rounds=)(?<salt>[!-#%-9;-~]{1,16})\$(?<digest>[./0-9A-Za-z]{43})$/,
  ),
  shaCryptScheme(
    'sha512',
    /^\$6\$(?:rounds=(?<rounds>[1-9]\d{3,8})\$)?(?!rounds=)(?<salt>[!-#%-9;-~]{1,16})\$(?<digest>[./0-9A-Za-z]{86})$/,
  ),
  {
    format: 'descrypt',
    pattern: /^(?<salt>[./0-9A-Za-z]{2})(?<digest>[./0-9A-Za-z]{11})$/,
    effort: () => 200,
    // The library takes a string's UTF-16 units for bytes, hence the array.
    matches: (password, { salt = '', digest }) => isSame(unixCrypt([...Buffer.from(password)], salt).slice(2), digest),
  },
]

function shaCryptScheme(algorithm: 'sha256' | 'sha512', pattern: RegExp): Scheme {
  const roundsOf = ({ rounds }: Groups): number => Number(rounds ?? defaultShaCryptRounds)
  return {
    format: `${algorithm}crypt`,
    pattern,
    effort: (groups) => 1.2 * roundsOf(groups),
    issue: (groups) => tooExpensive('sha-crypt rounds', roundsOf(groups), maxShaCryptRounds),
    matches: (password, groups) => {
      const parameters = { algorithm, salt: groups['salt'] ?? '', rounds: roundsOf(groups) }
      return isSame(shaCrypt(Buffer.from(password), parameters), groups['digest'])
    },
  }
}

const unsupported: readonly (readonly [RegExp, string])[] = [
  [/^\$g?y\$/, 'yescrypt'],
  [/^\$7\$/, 'scrypt'],
  [/^\$argon2/, 'argon2'],
  [/^\$2x?\$/, 'the broken bcrypt of 2011 and before'],
  [/^\$md5/, 'the MD5 of Solaris'],
  [/^\$3\$/, 'the NT hash'],
  [/^\{SSHA\d*\}/, 'salted SHA of LDAP'],
  [/^\$(?:2[aby]|apr1|1|5|6)\$|^\{SHA\}/, 'a damaged hash'],
]

/** The format of a stored password, `undefined` for plain text and everything that cannot be verified. */
export function identifyHash(stored: string): HashFormat | undefined {
  return find(stored)?.scheme.format
}

/** What can be said of a stored password without a password. Total; never repeats any of the stored text. */
export function describeHash(stored: string): HashDescription {
  const found = find(stored)
  if (found === undefined) return { format: undefined, effort: 0, issue: unknownIssue(stored) }
  const { scheme, groups } = found
  const issue = scheme.issue?.(groups)
  return { format: scheme.format, effort: scheme.effort(groups), ...(issue !== undefined && { issue }) }
}

/**
 * Whether the password, as UTF-8 bytes, is the one that was stored. Synchronous and as slow as the hash wants (up to
 * seconds): for a worker thread. Plain text, unknown formats, hashes above {@link maxBcryptCost} or
 * {@link maxShaCryptRounds} and passwords with a NUL (where C programs would stop reading) never match.
 */
export function verifyPassword(password: string, stored: string): boolean {
  const found = find(stored)
  if (found === undefined || password.includes('\0')) return false
  const { scheme, groups } = found
  return scheme.issue?.(groups) === undefined && scheme.matches(password, groups)
}

function find(stored: string): { readonly scheme: Scheme; readonly groups: Groups } | undefined {
  for (const scheme of schemes) {
    const match = scheme.pattern.exec(stored)
    if (match !== null) return { scheme, groups: match.groups ?? {} }
  }
  return undefined
}

function unknownIssue(stored: string): string {
  if (stored === '') return 'the hash is empty'
  const name = unsupported.find(([pattern]) => pattern.test(stored))?.[1]
  return name === undefined ? 'plain text or an unknown format' : `unsupported: ${name}`
}

function tooExpensive(what: string, value: number, limit: number): string | undefined {
  return value > limit ? `too expensive: ${what} ${value} is above ${limit}` : undefined
}

function isSame(actual: string, expected = ''): boolean {
  const [a, b] = [Buffer.from(actual), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
