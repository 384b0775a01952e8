import { PypiServerError } from '../errors.js'
import { checkBodyHeaders } from './body-headers.js'
import type { Pace } from './body-pace.js'
import { readBody } from './body-reader.js'
import type { Call } from './message.js'

/**
 * Reads a small body to its end.
 * @throws ERR_PYPI_TOO_LARGE above `maxBytes`, before the body when its length is told; ERR_PYPI_UNSUPPORTED_MEDIA_TYPE
 * when it is packed; ERR_PYPI_TOO_SLOW; ERR_PYPI_ABORTED when the client goes away
 */
export async function readWholeBody(
  call: Call,
  { maxBytes, pace }: { readonly maxBytes: number; readonly pace: Pace },
): Promise<Uint8Array> {
  checkBodyHeaders(call, maxBytes)
  const chunks: Buffer[] = []
  let size = 0
  const reader = readBody(
    call.body,
    (chunk) => {
      size += chunk.length
      if (size > maxBytes) throw new PypiServerError('ERR_PYPI_TOO_LARGE', `the body is larger than ${maxBytes} bytes`)
      chunks.push(chunk)
      return true
    },
    { signal: call.signal, pace },
  )
  try {
    await reader.ended
  } finally {
    reader.stop()
  }
  return Buffer.concat(chunks)
}
