import { PypiServerError } from '../errors.js'
import type { Call } from './message.js'

/**
 * Looks at what the header says of the body, before any of it is read. Answers its length in bytes, `undefined` when it
 * comes in chunks.
 * @throws ERR_PYPI_UNSUPPORTED_MEDIA_TYPE for a body that is packed; ERR_PYPI_TOO_LARGE above `maxBytes`
 */
export function checkBodyHeaders({ headers }: Call, maxBytes: number): number | undefined {
  const coding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (coding !== '' && coding !== 'identity') {
    throw new PypiServerError(
      'ERR_PYPI_UNSUPPORTED_MEDIA_TYPE',
      'Content-Encoding is not supported: send the body as it is',
    )
  }
  const length = headers['content-length']
  if (length === undefined) return undefined
  if (Number(length) > maxBytes) {
    throw new PypiServerError('ERR_PYPI_TOO_LARGE', `the body is of ${length} bytes, the limit is ${maxBytes}`)
  }
  return Number(length)
}
