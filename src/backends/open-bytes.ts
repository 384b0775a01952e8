import { createHash } from 'node:crypto'
import type { OpenedFile, OpenFileOptions } from '../backend.js'
import { PypiServerError } from '../errors.js'
import { resolveRange } from '../http/byte-range.js'
import { matchesIfRange } from '../http/conditional.js'

/** What a backend knows of a part before it opens it, or of the bytes that it holds. */
export interface PartState {
  /** Bytes of the whole part. */
  readonly size: number
  /** Strong validator without quotes, visible ASCII: other bytes have another. */
  readonly etag: string
  /** Milliseconds since the epoch. */
  readonly modifiedMs: number
}

/**
 * What `Backend.openFile` answers for a part, but for the body: the part's state, and the range when one was asked for and
 * `ifRange` holds. The end of a range is clamped; a condition that does not hold means the whole part (RFC 9110 13.1.5, 14.1.2).
 * @throws ERR_PYPI_RANGE_NOT_SATISFIABLE when the range is outside of the part
 */
export function describePart(
  { size, etag, modifiedMs }: PartState,
  { range, ifRange }: OpenFileOptions = {},
): OpenedFile {
  const whole = { size, etag, modifiedMs }
  if (range === undefined || (ifRange !== undefined && !matchesIfRange(ifRange, whole))) return whole
  const resolved = resolveRange(range, size)
  if (resolved !== undefined) return { ...whole, range: resolved }
  throw new PypiServerError('ERR_PYPI_RANGE_NOT_SATISFIABLE', `the file has ${size} bytes`, { cause: { size } })
}

/** What {@link openBytes} is told about its bytes. */
export interface BytesState extends Pick<PartState, 'modifiedMs'> {
  /** Strong validator without quotes, visible ASCII. @default the SHA-256 of the bytes, computed at each call */
  readonly etag?: string
}

/**
 * What `Backend.openFile` answers for a part whose bytes are in memory: range, `ifRange` and `describeOnly` are heeded. The
 * body is a view of the bytes, which nobody may change.
 * @throws ERR_PYPI_RANGE_NOT_SATISFIABLE when the range is outside of the part
 */
export function openBytes(
  bytes: Uint8Array,
  { modifiedMs, etag = createHash('sha256').update(bytes).digest('hex') }: BytesState,
  options: OpenFileOptions = {},
): OpenedFile {
  const described = describePart({ size: bytes.length, etag, modifiedMs }, options)
  if (options.describeOnly) return described
  const { start, end } = described.range ?? { start: 0, end: bytes.length - 1 }
  return { ...described, body: bytes.subarray(start, end + 1) }
}
