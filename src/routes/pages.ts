import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { negotiateEncoding, negotiateSimple, type SimpleType } from '../http/accept.js'
import { completeReply } from '../http/complete-reply.js'
import { formatEtag, isNotModified } from '../http/conditional.js'
import { type ContentCoding, contentCodings, encode } from '../http/content-coding.js'
import { htmlSafety } from '../http/html-safety.js'
import type { Call, Headers, Reply } from '../http/message.js'
import { andThen, isPromise } from '../util/awaitable.js'
import { remembered } from '../util/remembered.js'

/** A page that somebody asks for. */
export interface Page {
  /** Everything that its bytes and headers depend on, but for the coding. */
  readonly key: string
  readonly render: () => RenderedPage
}

/** A page before it is packed. */
export interface RenderedPage {
  readonly text: string
  /** Without what depends on the coding. */
  readonly headers: Headers
}

/** Pages as ready bytes. */
export interface Pages {
  /** The page in the coding that the client likes best, or 304 for who has it; at once when it was sent before. */
  readonly reply: (call: Call, page: Page) => Reply | Promise<Reply>
  /** The type of simple page that an `Accept` header likes best; `undefined` when none fits. */
  readonly preferredType: (accept: string | undefined) => SimpleType | undefined
}

/** One page in one coding, as it is sent. */
interface Representation {
  /** Without quotes. */
  readonly etag: string
  readonly whole: Reply
  readonly notModified: Reply
  readonly size: number
}

/**
 * Renders, packs and hashes each representation once and keeps it with its head, at most so many bytes of them; those
 * used least recently go first. Whoever asks for a page that is being packed waits for the same one.
 */
export function createPages(maxBytes: number): Pages {
  const kept = createStore(maxBytes)
  const running = new Map<string, Promise<Representation>>()
  const codingOf = remembered((header) => negotiateEncoding(header, contentCodings))

  function make(key: string, coding: ContentCoding, { render }: Page): Representation | Promise<Representation> {
    const joined = running.get(key)
    if (joined !== undefined) return joined
    const { text, headers } = render()
    const made = andThen(encode(Buffer.from(text), coding), (body) => {
      const representation = representationOf(body, coding, headers)
      kept?.set(key, representation)
      return representation
    })
    if (!isPromise(made)) return made
    const started = made.finally(() => running.delete(key))
    running.set(key, started)
    return started
  }

  return {
    reply: (call, page) => {
      const coding = codingOf(call.headers['accept-encoding'])
      const key = `${coding} ${page.key}`
      const known = kept?.get(key) ?? make(key, coding, page)
      return andThen(known, (representation) => replyOf(call, representation))
    },
    preferredType: remembered((accept) => negotiateSimple({ accept })),
  }
}

/** The headers of a page of this type. pip trusts max-age since 26.2: an upload must show at once, so every use asks again. */
export function pageHeaders(type: string, isPrivate: boolean): Headers {
  const isHtml = type.endsWith('html')
  return {
    ...(isHtml && htmlSafety),
    'content-type': isHtml || type.startsWith('text/') ? `${type}; charset=UTF-8` : type,
    'cache-control': `${isPrivate ? 'private' : 'public'}, no-cache`,
  }
}

/** A text that was put together for one request, as a page: its digest says what it depends on. */
export function textPage(text: string, headers: Headers): Page {
  const digest = createHash('sha256').update(text).digest('base64url')
  return { key: `${digest} ${headers['content-type']}`, render: () => ({ text, headers }) }
}

// What a key, a head and the places in the store take, roughly.
const overheadBytes = 1024

/** `undefined` when nothing is to be kept. */
function createStore(maxBytes: number): LRUCache<string, Representation> | undefined {
  if (maxBytes === 0) return undefined
  const bound = Number.isFinite(maxBytes) ? maxBytes : Number.MAX_SAFE_INTEGER
  return new LRUCache({ maxSize: bound, sizeCalculation: ({ size }, key) => size + key.length + overheadBytes })
}

function representationOf(body: Buffer, coding: ContentCoding, given: Headers): Representation {
  // Two types of one page may have equal bytes, and must not have equal validators.
  const digest = createHash('sha256').update(`${given['content-type']}\n`).update(body).digest('base64url')
  const etag = digest.slice(0, 32)
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
}

function replyOf(call: Call, { etag, whole, notModified }: Representation): Reply {
  const ifNoneMatch = call.headers['if-none-match']
  return ifNoneMatch !== undefined && isNotModified({ ifNoneMatch }, { etag }) ? notModified : whole
}
