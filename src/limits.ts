import { fieldsOf, wholeNumber } from './util/config-value.js'

/**
 * How much of everything there may be. Whole numbers, each with its unit in its name; `Infinity` takes a limit away.
 * Above a limit the answer is quick and says which one it was.
 */
export interface Limits {
  /** Bytes of one upload; above it the answer is 413, before the body when `Content-Length` tells. @default 1 GiB */
  readonly maxUploadBytes: number
  /** Fields of one form that are not files; above it the answer is 400. @default 2000 */
  readonly maxFormFields: number
  /** Bytes of one form field; above it the answer is 400. @default 8 MiB */
  readonly maxFieldBytes: number
  /** Bytes of all fields of one form, which are held in memory; above it the answer is 400. @default 16 MiB */
  readonly maxFormBytes: number
  /** Header fields of one part of a form; above it the answer is 400. @default 50 */
  readonly maxPartHeaders: number
  /** Bytes of an XML-RPC call; above it the answer is 413. @default 64 KiB */
  readonly maxRpcBytes: number
}

const kibibyte = 1024
const mebibyte = 1024 ** 2

/** What holds where nothing else is said. */
export const defaultLimits: Limits = {
  maxUploadBytes: 1024 * mebibyte,
  maxFormFields: 2000,
  maxFieldBytes: 8 * mebibyte,
  maxFormBytes: 16 * mebibyte,
  maxPartHeaders: 50,
  maxRpcBytes: 64 * kibibyte,
}

/** Limits for which 0 makes sense. */
const mayBeZero: ReadonlySet<string> = new Set<keyof Limits>([])

/** Every limit, for the ones that are given. @throws ERR_PYPI_CONFIG naming the limit and what it takes */
export function limitsOf(given: unknown = {}): Limits {
  const fields = fieldsOf('limits', given, Object.keys(defaultLimits))
  const checked = Object.entries(fields).map(([name, value]) => [
    name,
    wholeNumber(`limits.${name}`, value, { least: mayBeZero.has(name) ? 0 : 1, most: Number.POSITIVE_INFINITY }),
  ])
  return { ...defaultLimits, ...Object.fromEntries(checked) }
}
