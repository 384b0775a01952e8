import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/** A page as it is sent, rendered and hashed once. */
export interface RenderedPage {
  readonly body: Uint8Array
  /** Without quotes. */
  readonly etag: string
}

/** Keeps what was rendered under a key that says everything the page depends on. */
export type PageCache = (key: string, render: () => string) => RenderedPage

const maxBytes = 64 * 1024 * 1024

/** A cache of at most 64 MiB of pages; the least recently used go first. */
export function createPageCache(): PageCache {
  const pages = new LRUCache<string, RenderedPage>({
    maxSize: maxBytes,
    sizeCalculation: ({ body }, key) => body.length + key.length,
  })
  return (key, render) => {
    const known = pages.get(key)
    if (known !== undefined) return known
    const page = renderPage(render())
    // A single page that is larger than the cache is sent without being kept.
    pages.set(key, page)
    return page
  }
}

/** A page with its strong validator. */
export function renderPage(text: string): RenderedPage {
  const body = Buffer.from(text)
  return { body, etag: createHash('sha256').update(body).digest('base64url').slice(0, 32) }
}
