import { fieldsOf, wholeNumber } from './util/config-value.js'

/**
 * How much of everything there may be. Whole numbers, each with its unit in its name; `Infinity` takes a limit away.
 * Above a limit the answer is quick and says which one it was.
 */
export interface Limits {
  /** Bytes of one upload; above it the answer is 413, before the body when `Content-Length` tells. @default 1 GiB */
  readonly maxUploadBytes: number
  /** Uploads that run at a time; the next wait. @default 16 */
  readonly maxUploads: number
  /** Uploads that wait for their turn; above it the answer is 503. @default 64 */
  readonly maxWaitingUploads: number
  /** Milliseconds that an upload waits for its turn; then the answer is 503. @default 10 s */
  readonly maxUploadWaitMs: number
  /** Milliseconds in which nothing of a body comes; then the answer is 408. @default 60 s */
  readonly maxUploadIdleMs: number
  /** What comes of a body in a second, on average, once `maxUploadIdleMs` are over; below it the answer is 408. @default 1024 */
  readonly minUploadBytesPerSecond: number
  /** Milliseconds that a body takes in all; then the answer is 408. @default 6 h */
  readonly maxUploadMs: number
  /** Bytes that uploads leave free on the disk, or a hundredth of it when that is less; below it the answer is 507. @default 64 MiB */
  readonly minFreeBytes: number
  /** Logins that wait for a password to be verified, which happens one at a time; above it the answer is 503. @default 256 */
  readonly maxWaitingLogins: number
  /** Failed logins from one address in a minute; above it, logins from there are slow, and wrong ones 429. @default 20 */
  readonly maxLoginFailuresPerMinute: number
  /** Fields of one form that are not files; above it the answer is 400. @default 2000 */
  readonly maxFormFields: number
  /** Bytes of one form field; above it the answer is 400. @default 8 MiB */
  readonly maxFieldBytes: number
  /** Bytes of all fields of one form, which are held in memory; above it the answer is 400. @default 16 MiB */
  readonly maxFormBytes: number
  /** Header fields of one part of a form; above it the answer is 400. @default 50 */
  readonly maxPartHeaders: number
  /** Bytes of the path of a request, as it is sent, without its query; above it the answer is 414. @default 2 KiB */
  readonly maxPathBytes: number
  /** Bytes of an XML-RPC call; above it the answer is 413. @default 64 KiB */
  readonly maxRpcBytes: number
  /** Members of an uploaded archive; above it the answer is 400. @default 50000 */
  readonly maxArchiveMembers: number
  /** Unpacked bytes for each packed one, in uploads that unpack to over 64 MiB; above it the answer is 400. @default 50 */
  readonly maxArchiveRatio: number
  /** Bytes that an uploaded archive may unpack to; above it the answer is 400. @default 8 GiB */
  readonly maxUnpackedBytes: number
  /** Bytes of the core metadata in an uploaded archive; above it the answer is 400. @default 8 MiB */
  readonly maxMetadataBytes: number
  /** Milliseconds that looking into one upload may take; above it there is no core metadata, or 400 if strict. @default 10 s */
  readonly maxInspectionMs: number
  /** Uploads that may wait for the one which is looked into; above it the answer is 503. @default 64 */
  readonly maxInspectionsWaiting: number
  /** Bytes of pages that are kept ready to be sent; those used least recently go first. @default 64 MiB */
  readonly maxPageCacheBytes: number
}

const kibibyte = 1024
const mebibyte = 1024 ** 2

/** What holds where nothing else is said. */
export const defaultLimits: Limits = {
  maxUploadBytes: 1024 * mebibyte,
  maxUploads: 16,
  maxWaitingUploads: 64,
  maxUploadWaitMs: 10_000,
  maxUploadIdleMs: 60_000,
  minUploadBytesPerSecond: 1024,
  maxUploadMs: 6 * 3_600_000,
  minFreeBytes: 64 * mebibyte,
  maxWaitingLogins: 256,
  maxLoginFailuresPerMinute: 20,
  maxFormFields: 2000,
  maxFieldBytes: 8 * mebibyte,
  maxFormBytes: 16 * mebibyte,
  maxPartHeaders: 50,
  maxPathBytes: 2 * kibibyte,
  maxRpcBytes: 64 * kibibyte,
  maxArchiveMembers: 50_000,
  maxArchiveRatio: 50,
  maxUnpackedBytes: 8 * 1024 * mebibyte,
  maxMetadataBytes: 8 * mebibyte,
  maxInspectionMs: 10_000,
  maxInspectionsWaiting: 64,
  maxPageCacheBytes: 64 * mebibyte,
}

/** Limits for which 0 makes sense. */
const mayBeZero: ReadonlySet<string> = new Set<keyof Limits>([
  'maxWaitingUploads',
  'maxWaitingLogins',
  'maxUploadWaitMs',
  'minUploadBytesPerSecond',
  'minFreeBytes',
  'maxPageCacheBytes',
])

/** Every limit, for the ones that are given. @throws ERR_PYPI_CONFIG naming the limit and what it takes */
export function limitsOf(given: unknown = {}): Limits {
  const fields = fieldsOf('limits', given, Object.keys(defaultLimits))
  const checked = Object.entries(fields).map(([name, value]) => [
    name,
    wholeNumber(`limits.${name}`, value, { least: mayBeZero.has(name) ? 0 : 1, most: Number.POSITIVE_INFINITY }),
  ])
  return { ...defaultLimits, ...Object.fromEntries(checked) }
}
