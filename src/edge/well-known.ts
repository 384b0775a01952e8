import type { ServerResponse } from 'node:http'
import type { NodeHandler } from './node.js'

/** Where uploaders look on the root of the host, whatever the path of the index (trusted publishing, PEP 807). */
const asked = /^\/(?:_\/oidc|\.well-known\/pytp)(?:[/?]|$)/

/**
 * Tells uploaders that look for trusted publishing on the root of the host that there is none, in a form that they read:
 * 404 makes them go on with the login that they have, where a page of the host would be taken for a broken answer.
 */
export const answerWellKnown: NodeHandler = async (req, res, next) => {
  const isOurs = asked.test(req.originalUrl ?? req.url ?? '')
  if (!isOurs && next !== undefined) return next()
  const message = isOurs ? 'trusted publishing is not set up here: upload with a token or a password' : 'not found'
  const body = JSON.stringify({ message, errors: [{ code: 'not-enabled', description: message }] })
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  }
  ;(res as ServerResponse).writeHead(404, headers)
  ;(res as ServerResponse).end(req.method === 'HEAD' ? undefined : body)
}
