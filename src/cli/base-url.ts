import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Logger } from '../index.js'

/** A handler that serves another one below a path, and answers 404 beside it. `path` has no trailing slash. */
export function below(path: string, handler: RequestListener, logger: Logger): RequestListener {
  if (path === '') return handler
  return (request, response) => {
    // RFC 9112 section 3.2.2: proxies may send the absolute form.
    const url = (request.url ?? '/').replace(/^https?:\/\/[^/?#]*/i, '')
    const rest = url.slice(path.length)
    if (!url.startsWith(path) || !/^(?:$|[/?])/.test(rest))
      return refuse({ base: path, url }, request, response, logger)
    const inner = { url: rest.startsWith('/') ? rest : `/${rest}`, originalUrl: url, baseUrl: path }
    handler(Object.assign(request, inner), response)
  }
}

function refuse(
  { base, url }: { readonly base: string; readonly url: string },
  request: IncomingMessage,
  response: ServerResponse,
  logger: Logger,
): void {
  const startedMs = performance.now()
  const body = `nothing is here: everything of this server is below ${base}/\n`
  response.writeHead(404, {
    'content-type': 'text/plain; charset=UTF-8',
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
  const details = {
    address: request.socket.remoteAddress,
    user: null,
    method: request.method,
    path: url.split('?', 1)[0],
    status: 404,
    bytes: Buffer.byteLength(body),
    ms: Math.round(performance.now() - startedMs),
    userAgent: request.headers['user-agent'] ?? '',
  }
  logger.info(details, 'request')
}
