import { malformedMultipart, tooMany } from './form-fields.js'
import { parseParameterized } from './header-parameters.js'

/** Watches the bytes of a multipart body go by and looks at what a form parser keeps to itself: the raw part headers. */
export interface PartScanner {
  /**
   * Tells how much of the chunk belongs to the form: what stands behind the final boundary does not.
   * @throws PypiServerError `ERR_PYPI_BAD_REQUEST` at a boundary within a line, and at a part whose headers break a rule of
   * {@link checkPartHeaders}.
   */
  push(chunk: Buffer): number
  /** Parts whose headers were seen. */
  readonly parts: number
  /** Whether the final boundary went by. */
  readonly isComplete: boolean
}

const maxHeaderBytes = 16 * 1024
const carriageReturn = 0x0d

/** A scanner for one body; holds back at most one part's headers. */
export function partScanner(boundary: string, maxHeaderFields: number): PartScanner {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  // RFC 2046 5.1.1: a body without preamble begins with a delimiter that has lost its line break.
  let rest: Buffer = Buffer.from('\r\n')
  let parts = 0
  let step: (() => boolean) | undefined = seekDelimiter

  function seekDelimiter(): boolean {
    const at = rest.indexOf(delimiter)
    rest = at < 0 ? possibleStart(rest, delimiter.length) : rest.subarray(at + delimiter.length)
    if (at >= 0) step = afterDelimiter
    return at >= 0
  }

  function afterDelimiter(): boolean {
    if (rest.length < 2) return false
    const next = rest.toString('latin1', 0, 2)
    if (next === '\r\n') rest = rest.subarray(2)
    step = next === '--' ? undefined : next === '\r\n' ? readHeaders : seekDelimiter
    // A preamble may say anything, but RFC 2046 5.1.1 lets no part hold a boundary: parsers differ in what they take it for.
    if (step === seekDelimiter && parts > 0)
      throw malformedMultipart('a boundary that ends neither its line nor the form')
    return true
  }

  function readHeaders(): boolean {
    const end = rest.indexOf('\r\n\r\n')
    if (Math.max(end, end < 0 ? rest.length : 0) > maxHeaderBytes)
      throw tooMany(maxHeaderBytes, 'bytes of part headers')
    if (end < 0) return false
    checkPartHeaders(rest.toString('latin1', 0, end), maxHeaderFields)
    parts += 1
    rest = rest.subarray(end + 4)
    step = seekDelimiter
    return true
  }

  return {
    push(chunk) {
      if (step === undefined) return 0
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      while (step?.() === true);
      if (step !== undefined) return chunk.length
      const epilogue = rest.length - '--'.length
      rest = Buffer.alloc(0)
      return chunk.length - epilogue
    },
    get parts() {
      return parts
    },
    get isComplete() {
      return step === undefined
    },
  }
}

/**
 * Refuses part headers that two parsers could read in two ways: other than one `Content-Disposition: form-data`, any
 * parameter given twice, or the extended `filename*`, which RFC 7578 4.2 forbids.
 * @throws PypiServerError `ERR_PYPI_BAD_REQUEST`
 */
export function checkPartHeaders(block: string, maxHeaderFields: number): void {
  const lines = block.replace(/\r\n(?=[ \t])/g, '').split('\r\n')
  if (lines.length > maxHeaderFields) throw tooMany(maxHeaderFields, 'header fields in a part')
  if (!lines.every((line) => /^[^\s:]+:/.test(line))) throw malformedMultipart('a part header line without a name')
  const [disposition, ...others] = lines.filter((line) => /^content-disposition:/i.test(line))
  const parsed = parseParameterized(disposition?.slice(disposition.indexOf(':') + 1) ?? '')
  if (others.length > 0 || parsed?.value !== 'form-data')
    throw malformedMultipart('a part without exactly one usable content-disposition')
  const names = parsed.parameters.map(([name]) => name)
  if (names.some((name) => name.endsWith('*')))
    throw malformedMultipart('a part with an extended parameter (filename*)')
  if (new Set(names).size !== names.length) throw malformedMultipart('a part that gives a parameter twice')
}

// The delimiter has a carriage return at its very start only, so an unfinished one begins at the last of them.
function possibleStart(bytes: Buffer, delimiterLength: number): Buffer {
  const at = bytes.lastIndexOf(carriageReturn)
  return at < 0 || bytes.length - at >= delimiterLength ? bytes.subarray(bytes.length) : bytes.subarray(at)
}
