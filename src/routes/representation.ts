import { createHash, type Hash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { completeReply } from '../http/complete-reply.js'
import { formatEtag, isNotModified } from '../http/conditional.js'
import type { ContentCoding } from '../http/content-coding.js'
import type { Call, Headers, Reply } from '../http/message.js'
import { andThen } from '../util/awaitable.js'

/** One page in one coding, as it is sent. */
export interface Representation {
  /** Without quotes. */
  readonly etag: string
  readonly whole: Reply
  readonly notModified: Reply
  readonly size: number
  /** What a page that goes on changing showed when this was made of it. */
  readonly version?: string
}

/** Ready pages, the least recently used first to go. */
export type RepresentationStore = LRUCache<string, Representation>

// What a key, a head and the places in the store take, roughly.
const overheadBytes = 1024

/** A store of at most so many bytes; `undefined` when nothing is to be kept. */
export function createStore(maxBytes: number): RepresentationStore | undefined {
  if (maxBytes === 0) return undefined
  const bound = Number.isFinite(maxBytes) ? maxBytes : Number.MAX_SAFE_INTEGER
  return new LRUCache({ maxSize: bound, sizeCalculation: ({ size }, key) => size + key.length + overheadBytes })
}

/** The page as it is sent; `given` are its headers but for what depends on the coding. At once unless it is large. */
export function representationOf(
  body: Buffer,
  coding: ContentCoding,
  given: Headers,
): Representation | Promise<Representation> {
  // Two types of one page may have equal bytes, and must not have equal validators.
  const hash = createHash('sha256').update(`${given['content-type']}\n`)
  const hashed = body.length <= hashedAtOnce ? hash.update(body) : updateInSlices(hash, body)
  return andThen(hashed, () => {
    const etag = hash.digest('base64url').slice(0, 32)
    const vary = given['vary'] === undefined ? 'Accept-Encoding' : `${given['vary']}, Accept-Encoding`
    const headers = {
      ...given,
      ...(coding !== 'identity' && { 'content-encoding': coding }),
      etag: formatEtag(etag),
      vary,
    }
    return {
      etag,
      whole: completeReply({ status: 200, headers, body }),
      notModified: completeReply({ status: 304, headers }),
      size: body.length,
    }
  })
}

/** The representation, or 304 for who has it. */
export function replyOf(call: Call, { etag, whole, notModified }: Representation): Reply {
  const ifNoneMatch = call.headers['if-none-match']
  return ifNoneMatch !== undefined && isNotModified({ ifNoneMatch }, { etag }) ? notModified : whole
}

// A few milliseconds' worth.
const hashedAtOnce = 1024 * 1024

async function updateInSlices(hash: Hash, body: Buffer): Promise<Hash> {
  for (let start = 0; start < body.length; start += hashedAtOnce) {
    hash.update(body.subarray(start, start + hashedAtOnce))
    await setImmediate()
  }
  return hash
}
