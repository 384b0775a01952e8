import { PypiServerError } from '../errors.js'
import { closestWord } from './closest-word.js'

/** The error for a configuration that is not as it must be. */
export function wrongConfig(message: string): PypiServerError {
  return new PypiServerError('ERR_PYPI_CONFIG', message)
}

/** An object with none but these keys; those whose value is `undefined` are left out. @throws ERR_PYPI_CONFIG naming the key */
export function fieldsOf(key: string, value: unknown, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongConfig(`${key} takes an object`)
  const unknown = Object.keys(value).find((name) => !known.includes(name))
  if (unknown !== undefined) throw wrongConfig(`${key}: ${unknownKey(unknown, known)}`)
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined))
}

/** What to say of a key that is none of these: which was meant, or which there are. */
export function unknownKey(name: string, known: readonly string[]): string {
  const meant = closestWord(name, known)
  return `unknown key ${name}; ${meant === undefined ? `there are ${known.join(', ')}` : `is it ${meant}?`}`
}

/** @throws ERR_PYPI_CONFIG naming the key, when one of these is there and no function, or one of `needed` is not */
export function checkMethods(
  key: string,
  value: unknown,
  names: readonly string[],
  needed: readonly string[] = names,
): void {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) {
    throw wrongConfig(`${key} takes an object with ${names.join(', ')}`)
  }
  for (const name of names) {
    const method = (value as Readonly<Record<string, unknown>>)[name]
    if (method === undefined && !needed.includes(name)) continue
    if (typeof method !== 'function') throw wrongConfig(`${key} has no method ${name}`)
  }
}

/** A function. @throws ERR_PYPI_CONFIG naming the key and `shape`, what it takes */
export function checkFunction(key: string, value: unknown, shape: string): void {
  if (typeof value !== 'function') throw wrongConfig(`${key} takes a function ${shape}`)
}

/** @throws ERR_PYPI_CONFIG naming the key */
export function boolean(key: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw wrongConfig(`${key}: ${shown(value)} is neither true nor false`)
}

/** @throws ERR_PYPI_CONFIG naming the key */
export function path(key: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw wrongConfig(`${key} takes a path`)
}

/** A whole number; `most` may be `Infinity`, which then is a number like any other. @throws ERR_PYPI_CONFIG naming the key */
export function wholeNumber(
  key: string,
  value: unknown,
  { least = 0, most = Number.MAX_SAFE_INTEGER }: { readonly least?: number; readonly most?: number } = {},
): number {
  const isWhole = Number.isSafeInteger(value) || (value === Number.POSITIVE_INFINITY && value === most)
  if (isWhole && (value as number) >= least && (value as number) <= most) return value as number
  throw wrongConfig(`${key}: ${shown(value)} is not a whole number of at least ${least}`)
}

/** An http or https address without a query, with exactly one trailing slash. @throws ERR_PYPI_CONFIG naming the key */
export function httpUrl(key: string, value: unknown): string {
  // Paths are put behind it, so that a query or fragment would swallow them.
  if (typeof value === 'string' && /^https?:\/\/[^/][^?#]*$/i.test(value) && URL.canParse(value)) {
    return `${new URL(value).href.replace(/\/+$/, '')}/`
  }
  throw wrongConfig(`${key}: ${shown(value)} is not an http or https address without a query`)
}

/** A wrong value as a message names it, whatever it is. */
export function shown(value: unknown): string {
  return typeof value === 'string' || Array.isArray(value) ? JSON.stringify(value) : String(value)
}
