import type { Scope } from './auther.js'
import { below, type Fields, fieldsOf, listOf, parseJson, wrong } from './json-shape.js'
import { scopeOf } from './scope.js'

/** What is known of a token after it was shown: everything but the token. */
export interface TokenInfo extends Scope {
  /** Twelve hexadecimal digits. */
  readonly id: string
  /** Unique in its file; the login is called `token:<name>`. */
  readonly name: string
  /** Whose token it is: rules for this user hold for the token too, within its scope. */
  readonly user?: string
  /** Milliseconds since the epoch. */
  readonly createdMs: number
  /** Milliseconds since the epoch; from then on the token is nobody's. @default never */
  readonly expiresMs?: number
}

/** One token as its file has it. */
export interface TokenRecord extends TokenInfo {
  /** Of the token, in lower-case hex. */
  readonly sha256: string
}

const format = 1
const recordKeys = ['id', 'name', 'sha256', 'actions', 'projects', 'createdMs', 'expiresMs', 'user']
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/

/** Reads the text of a token file, all or nothing. @throws ERR_PYPI_CONFIG naming the line or the key */
export function parseTokenRecords(text: string): readonly TokenRecord[] {
  const fields = fieldsOf(parseJson(text), '', ['format', 'tokens'])
  if (fields['format'] !== format) throw wrong(`format is not ${format}, the one that this version reads`)
  const records = listOf(fields['tokens'], 'tokens').map((value, index) => recordOf(value, `tokens[${index}]`))
  for (const key of ['id', 'name', 'sha256'] as const) assertDistinct(records, key)
  return records
}

/** The text of a token file. */
export function formatTokenRecords(tokens: readonly TokenRecord[]): string {
  return `${JSON.stringify({ format, tokens }, undefined, 2)}\n`
}

/** @throws ERR_PYPI_CONFIG naming the key */
export function nameOf(value: unknown, key: string): string {
  return matching(value, key, namePattern, '1 to 64 letters, digits, ".", "_" and "-", with a letter or digit first')
}

/** @throws ERR_PYPI_CONFIG naming the key */
export function userOf(value: unknown, key: string): string {
  return matching(value, key, /^[^\p{Cc}]{1,255}$/u, '1 to 255 characters without control characters')
}

/** @throws ERR_PYPI_CONFIG naming the key */
export function timeOf(value: unknown, key: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw wrong(`${key} is not a whole number of milliseconds since 1970`)
}

function recordOf(value: unknown, key: string): TokenRecord {
  const fields = fieldsOf(value, key, recordKeys)
  return {
    id: matching(fields['id'], below(key, 'id'), /^[0-9a-f]{12}$/, '12 hexadecimal digits'),
    name: nameOf(fields['name'], below(key, 'name')),
    sha256: matching(fields['sha256'], below(key, 'sha256'), /^[0-9a-f]{64}$/, '64 hexadecimal digits'),
    ...scopeOf(fields, key),
    createdMs: timeOf(fields['createdMs'], below(key, 'createdMs')),
    ...optional(fields, key),
  }
}

function optional({ expiresMs, user }: Fields, key: string): Pick<TokenInfo, 'expiresMs' | 'user'> {
  return {
    ...(expiresMs !== undefined && { expiresMs: timeOf(expiresMs, below(key, 'expiresMs')) }),
    ...(user !== undefined && { user: userOf(user, below(key, 'user')) }),
  }
}

function matching(value: unknown, key: string, pattern: RegExp, meaning: string): string {
  if (typeof value === 'string' && pattern.test(value)) return value
  throw wrong(`${key} is not ${meaning}`)
}

function assertDistinct(records: readonly TokenRecord[], key: 'id' | 'name' | 'sha256'): void {
  const seen = new Set<string>()
  for (const [index, record] of records.entries()) {
    if (seen.has(record[key])) throw wrong(`tokens[${index}].${key} is that of another token, too`)
    seen.add(record[key])
  }
}
