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

/** What a format's pattern found, by the names of its groups. */
export type HashParts = Readonly<Record<string, string | undefined>>

/** A stored password whose format is known. */
interface ReadHash extends HashDescription {
  readonly format: HashFormat
  readonly parts: HashParts
}

interface Scheme {
  readonly format: HashFormat
  readonly pattern: RegExp
  readonly effort: (parts: HashParts) => number
  readonly issue?: (parts: HashParts) => string | undefined
}

// Salts that somebody chose may hold any printable character but `$` and `:`, which end a field.
const schemes: readonly Scheme[] = [
  {
    format: 'bcrypt',
    pattern: /^(?<prefix>\$2[aby]\$(?<cost>0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{22})(?<digest>[./A-Za-z0-9]{31})$/,
    effort: ({ cost }) => 52 * 2 ** Number(cost),
    issue: ({ cost }) => tooExpensive('bcrypt cost', Number(cost), maxBcryptCost),
  },
  {
    format: 'apr1',
    pattern: /^\$apr1\$(?<salt>[!-#%-9;-~]{1,8})\$(?<digest>[./0-9A-Za-z]{22})$/,
    effort: () => 1000,
  },
  {
    format: 'md5crypt',
    pattern: /^\$1\$(?<salt>[!-#%-9;-~]{1,8})\$(?<digest>[./0-9A-Za-z]{22})$/,
    effort: () => 1000,
  },
  {
    format: 'sha1',
    pattern: /^\{SHA\}(?<digest>[+/0-9A-Za-z]{27}=)$/,
    effort: () => 10,
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
  },
]

function shaCryptScheme(algorithm: 'sha256' | 'sha512', pattern: RegExp): Scheme {
  return {
    format: `${algorithm}crypt`,
    pattern,
    effort: (parts) => 1.2 * shaCryptRounds(parts),
    issue: (parts) => tooExpensive('sha-crypt rounds', shaCryptRounds(parts), maxShaCryptRounds),
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

/** What can be said of a stored password without a password. Total; never repeats any of the stored text. */
export function describeHash(stored: string): HashDescription {
  return readHash(stored) ?? { format: undefined, effort: 0, issue: unknownIssue(stored) }
}

/** A stored password in its parts; `undefined` for plain text and every format that cannot be verified. */
export function readHash(stored: string): ReadHash | undefined {
  for (const { format, pattern, effort, issue } of schemes) {
    const match = pattern.exec(stored)
    if (match === null) continue
    const parts = match.groups ?? {}
    const reason = issue?.(parts)
    return { format, effort: effort(parts), ...(reason !== undefined && { issue: reason }), parts }
  }
  return undefined
}

/** The rounds of a sha-crypt hash, whether it tells them or not. */
export function shaCryptRounds({ rounds }: HashParts): number {
  return Number(rounds ?? defaultShaCryptRounds)
}

function unknownIssue(stored: string): string {
  if (stored === '') return 'the hash is empty'
  const name = unsupported.find(([pattern]) => pattern.test(stored))?.[1]
  return name === undefined ? 'plain text or an unknown format' : `unsupported: ${name}`
}

function tooExpensive(what: string, value: number, limit: number): string | undefined {
  return value > limit ? `too expensive: ${what} ${value} is above ${limit}` : undefined
}
