import { createHash } from 'node:crypto'
import { formatEtag, isNotModified } from '../http/conditional.js'
import type { Call, Headers, Reply } from '../http/message.js'

/** A text of one type only, with the validator of its bytes, or 304 for who has it. Caches ask again before every use. */
export function revalidated(call: Call, contentType: string, body: string, scope: 'private' | 'public'): Reply {
  const etag = createHash('sha256').update(body).digest('base64url').slice(0, 32)
  const headers: Headers = {
    'content-type': contentType,
    etag: formatEtag(etag),
    'cache-control': `${scope}, no-cache`,
  }
  const ifNoneMatch = call.headers['if-none-match']
  if (ifNoneMatch !== undefined && isNotModified({ ifNoneMatch }, { etag })) return { status: 304, headers }
  return { status: 200, headers, body }
}
