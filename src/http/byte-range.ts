/** Inclusive byte positions, or the last `suffix` bytes (RFC 9110 14.1.2). */
export type RequestedRange = { readonly start: number; readonly end?: number } | { readonly suffix: number }

/** Byte positions that exist, both inclusive. */
export interface ResolvedRange {
  readonly start: number
  readonly end: number
}

const singleRange = /^bytes=(\d*)-(\d*)$/i

/**
 * What a `Range` header asks for. `undefined` means the whole representation: no header, another unit, a malformed value
 * (RFC 9110 14.2 lets a server ignore these) or several ranges. Positions beyond 2^53 - 1 are taken for that number.
 */
export function parseRange(header: string | undefined): RequestedRange | undefined {
  const [, first, last] = singleRange.exec(header?.trim() ?? '') ?? []
  const start = position(first)
  const end = position(last)
  if (start === undefined) return end === undefined ? undefined : { suffix: end }
  if (end === undefined) return { start }
  return end < start ? undefined : { start, end }
}

/** The bytes that a range selects out of `size` bytes; `undefined` when it selects none (416). */
export function resolveRange(range: RequestedRange, size: number): ResolvedRange | undefined {
  const start = 'suffix' in range ? Math.max(0, size - range.suffix) : range.start
  const end = 'suffix' in range ? size - 1 : Math.min(range.end ?? size - 1, size - 1)
  return start < size ? { start, end } : undefined
}

/** A `Content-Range` value: of a 206 with the range it carries, of a 416 without one (RFC 9110 14.4). */
export function contentRange(resolved: ResolvedRange | undefined, size: number): string {
  return resolved === undefined ? `bytes */${size}` : `bytes ${resolved.start}-${resolved.end}/${size}`
}

function position(digits: string | undefined): number | undefined {
  return digits === undefined || digits === '' ? undefined : Math.min(Number(digits), Number.MAX_SAFE_INTEGER)
}
