import type { Readable } from 'node:stream'
import { PypiServerError } from '../errors.js'
import type { Pace } from './body-pace.js'
import { readBody } from './body-reader.js'
import { defaultFormLimits, type Form, type FormLimits, fieldCollector, malformedMultipart } from './form-fields.js'
import type { OnFile } from './form-parts.js'
import { type ParameterizedValue, parseParameterized } from './header-parameters.js'
import { partScanner } from './part-headers.js'

export type { Form, FormLimits }

/** How {@link readForm} reads. */
export interface ReadFormOptions {
  /** @default `defaultFormLimits`, limit by limit */
  readonly limits?: Partial<FormLimits>
  /**
   * Called for each file in the order they come. What the promise leaves unread is discarded; a rejection, and a stream
   * that was destroyed early, refuse the form. It must settle once its stream is destroyed.
   */
  readonly onFile: OnFile
  /** Aborts the reading, not an `onFile` that already has its whole file. */
  readonly signal?: AbortSignal
  /** How slowly the body may come. @default as it likes */
  readonly pace?: Pace
}

const maxContentTypeLength = 300
const maxUrlEncodedBytes = 100 * 1024
// RFC 2046 5.1.1 allows fewer characters; these are the ones that can stand in quotes as they are.
const validBoundary = /^[ !#-[\]-~]{0,69}[!#-[\]-~]$/

/**
 * Reads a `multipart/form-data` (RFC 7578) or `application/x-www-form-urlencoded` body (at most 100 KiB) to its end.
 * Fulfils only when the body was complete, within the limits and every `onFile` fulfilled; otherwise it rejects with the
 * first reason, after every `onFile` has settled: what those wrote is the caller's to remove. The body is left paused
 * and undestroyed, so that the caller can answer and decide how much of the rest to discard.
 * @throws PypiServerError `ERR_PYPI_BAD_REQUEST`, `ERR_PYPI_UNSUPPORTED_MEDIA_TYPE`, `ERR_PYPI_TOO_LARGE` for a file over
 * `fileSize` or an urlencoded body over its limit, `ERR_PYPI_TOO_SLOW`, `ERR_PYPI_ABORTED`; and whatever `onFile` rejects with.
 */
export async function readForm(
  body: Readable,
  contentType: string | undefined,
  options: ReadFormOptions,
): Promise<Form> {
  const limits = { ...defaultFormLimits, ...options.limits }
  const media = parseContentType(contentType)
  switch (media.value) {
    case 'multipart/form-data':
      return await readMultipart(body, boundaryOf(media), { ...options, limits })
    case 'application/x-www-form-urlencoded':
      return await readUrlEncoded(body, limits, options)
    default:
      throw new PypiServerError(
        'ERR_PYPI_UNSUPPORTED_MEDIA_TYPE',
        'the content-type must be multipart/form-data or application/x-www-form-urlencoded',
      )
  }
}

function parseContentType(contentType = ''): ParameterizedValue {
  if (contentType.length > maxContentTypeLength)
    throw new PypiServerError('ERR_PYPI_BAD_REQUEST', `content-type is longer than ${maxContentTypeLength} characters`)
  const [type = ''] = contentType.split(';', 1)
  return parseParameterized(contentType) ?? { value: type.trim().toLowerCase(), parameters: [] }
}

function boundaryOf(media: ParameterizedValue): string {
  const boundary = media.parameters.find(([name]) => name === 'boundary')?.[1] ?? ''
  if (!validBoundary.test(boundary)) throw new PypiServerError('ERR_PYPI_BAD_REQUEST', 'missing multipart boundary')
  return boundary
}

async function readMultipart(
  body: Readable,
  boundary: string,
  options: ReadFormOptions & { readonly limits: FormLimits },
): Promise<Form> {
  // With the first upload: an index that only serves never loads the parser.
  const { collectParts, formParser } = await import('./form-parts.js')
  const scanner = partScanner(boundary, options.limits.headerPairs)
  const parser = formParser(boundary, options.limits)
  const parts = collectParts(parser, options.limits, options.onFile)
  const parsed = new Promise<void>((resolve) => parser.once('finish', resolve))
  const reader = readBody(
    body,
    (chunk) => {
      // Without the epilogue (RFC 2046 5.1.1): the parser would take parts in there for parts of the form.
      return parser.write(chunk.subarray(0, scanner.push(chunk)))
    },
    options,
  )
  parser.on('drain', reader.resume)
  try {
    await Promise.race([reader.ended, parts.refused])
    if (!scanner.isComplete) throw malformedMultipart('the final boundary is missing')
    parser.end()
    await Promise.race([parsed, parts.refused])
    if (parts.count() !== scanner.parts) throw malformedMultipart('a part that cannot be told from its neighbours')
    await Promise.all(parts.running)
    return { fields: parts.fields }
  } catch (error) {
    // Not at the place of the refusal: the parser may be in the middle of a chunk and would trip over its own end.
    for (const stream of parts.streams) stream.destroy(error as Error)
    parser.destroy()
    throw error
  } finally {
    reader.stop()
    await Promise.allSettled(parts.running)
  }
}

async function readUrlEncoded(body: Readable, limits: FormLimits, options: ReadFormOptions): Promise<Form> {
  const { fields, add } = fieldCollector(limits)
  const chunks: Buffer[] = []
  let size = 0
  const reader = readBody(
    body,
    (chunk) => {
      size += chunk.length
      if (size > maxUrlEncodedBytes)
        throw new PypiServerError('ERR_PYPI_TOO_LARGE', `the urlencoded body is over ${maxUrlEncodedBytes} bytes`)
      return chunks.push(chunk) > 0
    },
    options,
  )
  try {
    await reader.ended
  } finally {
    reader.stop()
  }
  for (const [name, value] of new URLSearchParams(Buffer.concat(chunks).toString())) add(name, value)
  return { fields }
}
