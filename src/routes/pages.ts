import { createHash } from 'node:crypto'
import { negotiateEncoding, negotiateSimple, type SimpleType } from '../http/accept.js'
import { type ContentCoding, contentCodings, encode } from '../http/content-coding.js'
import { htmlSafety } from '../http/html-safety.js'
import type { Call, Headers, Reply } from '../http/message.js'
import { andThen, isPromise } from '../util/awaitable.js'
import { remembered } from '../util/remembered.js'
import { createListPages, type ListPage } from './list-pages.js'
import { createStore, type Representation, replyOf, representationOf } from './representation.js'

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
  /** The same for a page of the whole index. */
  readonly replyList: (call: Call, page: ListPage) => Reply | Promise<Reply>
  /** The type of simple page that an `Accept` header likes best; `undefined` when none fits. */
  readonly preferredType: (accept: string | undefined) => SimpleType | undefined
}

/**
 * Renders, packs and hashes each representation once and keeps it with its head, at most so many bytes of them; those
 * used least recently go first. Whoever asks for a page that is being packed waits for the same one.
 */
export function createPages(maxBytes: number): Pages {
  const kept = createStore(maxBytes)
  const running = new Map<string, Promise<Representation>>()
  const findList = createListPages(kept)
  const codingOf = remembered((header) => negotiateEncoding(header, contentCodings))

  function make(key: string, coding: ContentCoding, { render }: Page): Representation | Promise<Representation> {
    const joined = running.get(key)
    if (joined !== undefined) return joined
    const { text, headers } = render()
    const packed = andThen(encode(Buffer.from(text), coding), (body) => representationOf(body, coding, headers))
    const made = andThen(packed, (representation) => {
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
    replyList: (call, page) => {
      const found = findList(page, codingOf(call.headers['accept-encoding']))
      return andThen(found, (representation) => replyOf(call, representation))
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
