/** What identifies the state of a representation (RFC 9110 8.8). */
export interface Validators {
  /** A strong entity tag without its quotes. */
  readonly etag: string
  /** Milliseconds since the epoch; absent when the representation has no date. */
  readonly modifiedMs?: number | undefined
}

/** The header fields that make a GET conditional, as received. */
export interface ConditionalHeaders {
  readonly ifNoneMatch?: string | undefined
  readonly ifModifiedSince?: string | undefined
}

const entityTag = /(?:W\/)?"([!#-~\u0080-\u00ff]*)"/g
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const imfFixdate = /^[A-Z][a-z]{2}, (?<day>\d\d) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) GMT$/
const rfc850 = /^[A-Z][a-z]{5,8}, (?<day>\d\d)-(?<month>[A-Z][a-z]{2})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) GMT$/
const asctime = /^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/

/** Whether a GET or HEAD may be answered with 304 (RFC 9110 13.2.2): `If-None-Match`, compared weakly, overrides the date. */
export function isNotModified(headers: ConditionalHeaders, validators: Validators): boolean {
  const { ifNoneMatch, ifModifiedSince } = headers
  if (ifNoneMatch !== undefined) return matchesAnyTag(ifNoneMatch, validators.etag)
  const since = ifModifiedSince === undefined ? undefined : parseHttpDate(ifModifiedSince)
  if (since === undefined || validators.modifiedMs === undefined) return false
  return wholeSeconds(validators.modifiedMs) <= since
}

/**
 * Whether an `If-Range` value lets a range be served (RFC 9110 13.1.5): a strong tag that is equal, or a date that is
 * the modification time in whole seconds. Anything else means the whole representation.
 */
export function matchesIfRange(value: string, validators: Validators): boolean {
  const text = value.trim()
  if (text.startsWith('"')) return text === formatEtag(validators.etag)
  if (validators.modifiedMs === undefined) return false
  return parseHttpDate(text) === wholeSeconds(validators.modifiedMs)
}

/** A strong entity tag as header fields spell it: in quotes (RFC 9110 8.8.3). */
export function formatEtag(tag: string): string {
  return `"${tag}"`
}

/** A time as an IMF-fixdate (RFC 9110 5.6.7), rounded down to the second. */
export function httpDate(ms: number): string {
  return new Date(ms).toUTCString()
}

/**
 * Milliseconds since the epoch of an HTTP date in any of its three forms (RFC 9110 5.6.7), `undefined` for anything
 * else. A two-digit year more than 50 years after `nowMs` is taken for the past century.
 */
export function parseHttpDate(text: string, nowMs: number = Date.now()): number | undefined {
  const fields = (imfFixdate.exec(text) ?? rfc850.exec(text) ?? asctime.exec(text))?.groups
  if (fields === undefined) return undefined
  const { day = '', month = '', year = '', time = '' } = fields
  const [hours = 0, minutes = 0, seconds = 0] = time.split(':').map(Number)
  // 60 is a leap second in the grammar.
  if (hours > 23 || minutes > 59 || seconds > 60) return undefined
  const midnight = dayMs(fullYear(year, nowMs), months.indexOf(month), Number(day))
  return midnight === undefined ? undefined : midnight + ((hours * 60 + minutes) * 60 + seconds) * 1000
}

function matchesAnyTag(list: string, etag: string): boolean {
  if (list.trim() === '*') return true
  for (const [, tag] of list.matchAll(entityTag)) if (tag === etag) return true
  return false
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000
}

function fullYear(digits: string, nowMs: number): number {
  if (digits.length === 4) return Number(digits)
  const thisYear = new Date(nowMs).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + Number(digits)
  return year > thisYear + 50 ? year - 100 : year
}

function dayMs(year: number, month: number, day: number): number | undefined {
  const date = new Date(0)
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  date.setUTCFullYear(year, month, day)
  return date.getUTCMonth() === month && date.getUTCDate() === day ? date.getTime() : undefined
}
