import type { IncomingMessage, ServerResponse } from 'node:http'
import type { App } from '../index.js'

/** Where a request was sent and what of its path belongs to the host. */
export interface Placement {
  /** In front of the index, without a trailing slash; empty when the host took it off already. */
  readonly mountPath: string
  /** As the client sent it. */
  readonly originalUrl: string
}

/** Answers a request below `mountPath`; `false`, with everything as it was, when the index has no route for it. */
export async function answerNode(
  app: App,
  req: IncomingMessage,
  res: ServerResponse,
  { mountPath, originalUrl }: Placement,
): Promise<boolean> {
  const { url = '/' } = req
  const path = mountPath.replace(/\/+$/, '')
  if (!isBelow(url, path)) return false
  const below = url.slice(path.length)
  let isAnswered = true
  await app(Object.assign(req, { url: below, originalUrl }), res, () => {
    isAnswered = false
  })
  if (!isAnswered) req.url = url
  return isAnswered
}

function isBelow(url: string, path: string): boolean {
  return url.startsWith(path) && ['', '/', '?'].includes(url.charAt(path.length) || '')
}
