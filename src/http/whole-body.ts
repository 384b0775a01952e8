import type { Readable } from 'node:stream'
import { PypiServerError } from '../errors.js'
import { readBody } from './body-reader.js'

/**
 * Reads a small body to its end.
 * @throws ERR_PYPI_TOO_LARGE above `maxBytes`; ERR_PYPI_ABORTED when the client goes away
 */
export async function readWholeBody(
  body: Readable,
  maxBytes: number,
  options: { readonly signal?: AbortSignal } = {},
): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  let size = 0
  const reader = readBody(
    body,
    (chunk) => {
      size += chunk.length
      if (size > maxBytes) throw new PypiServerError('ERR_PYPI_TOO_LARGE', `the body is larger than ${maxBytes} bytes`)
      chunks.push(chunk)
      return true
    },
    options,
  )
  try {
    await reader.ended
  } finally {
    reader.stop()
  }
  return Buffer.concat(chunks)
}
