const maxReasonLength = 200
const loneSurrogate = /\p{Surrogate}/gu

/** One path segment, percent-encoded so that it can stand anywhere in a relative reference; `+`, `/` and `:` never survive. */
export function encodePathSegment(text: string): string {
  // encodeURIComponent throws on half a surrogate pair, which file names on Windows may hold.
  return encodeURIComponent(text.replace(loneSurrogate, '\ufffd'))
}

/** A path with every segment percent-encoded; slashes stay. */
export function encodePath(path: string): string {
  return path.split('/').map(encodePathSegment).join('/')
}

/**
 * What leads from the page at `path` (below the mount point, as requested, with leading slash and without query) back
 * to the mount point: `../../` for `/simple/foo/`. Never empty: `./` keeps a first segment with a colon from being read
 * as a scheme (RFC 3986 4.2).
 */
export function relativePrefix(path: string): string {
  return '../'.repeat(path.split('/').length - 2) || './'
}

/** Text as an RFC 9112 reason phrase: one line of visible ASCII and spaces of at most 200 characters, `?` for the rest. */
export function safeReason(text: string): string {
  const line = text.replace(/\s+/g, ' ').replace(/[^ -~]/gu, '?')
  return line.slice(0, maxReasonLength).trim()
}
