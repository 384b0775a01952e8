import { request as httpRequest, type IncomingMessage } from 'node:http'
import { type TestContext, test } from 'node:test'
import type { Config } from 'pypi-server'
import { type IndexServer, serveIndex } from '../helpers/index-server.js'

/** Serves a new directory with {@link serveIndex}'s defaults; requests go over one transport. */
export type Serve = (config?: Partial<Config>) => Promise<IndexServer>

/** A way in which requests reach an index. */
export interface Transport {
  readonly name: 'in-process' | 'socket'
  readonly serve: Serve
}

/** Both doors of an app: `app.fetch`, and HTTP/1.1 on a socket. Neither adds headers of its own, nor follows redirects. */
export function transports(t: TestContext): readonly Transport[] {
  return [
    { name: 'in-process', serve: (config) => serveOver(t, config, ({ app }, request) => app.fetch(request)) },
    { name: 'socket', serve: (config) => serveOver(t, config, (_, request) => sendOverSocket(request)) },
  ]
}

/** Declares a test that runs over every transport. */
export function rule(title: string, body: (serve: Serve, t: TestContext) => Promise<void>): void {
  test(title, async (t) => {
    for (const { name, serve } of transports(t)) await t.test(`${title} (${name})`, () => body(serve, t))
  })
}

async function serveOver(
  t: TestContext,
  config: Partial<Config> | undefined,
  send: (server: IndexServer, request: Request) => Promise<Response>,
): Promise<IndexServer> {
  const server = await serveIndex(t, config)
  const request: IndexServer['request'] = (path, init) =>
    send(server, new Request(new URL(path.replace(/^\//, ''), server.url), init))
  return { ...server, request, post: (body, init) => request('/', { method: 'POST', body, ...init }) }
}

/** Not `fetch`: that adds `Accept` and other headers, and undoes content codings. */
async function sendOverSocket(request: Request): Promise<Response> {
  const body = Buffer.from(await request.arrayBuffer())
  const length = body.length > 0 ? { 'content-length': String(body.length) } : {}
  const headersSent = { ...Object.fromEntries(request.headers), ...length }
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { method: request.method, headers: headersSent, agent: false }
    httpRequest(request.url, options, resolve).on('error', reject).end(body)
  })
  const chunks: Uint8Array[] = []
  for await (const chunk of answer) chunks.push(chunk as Uint8Array)
  const { statusCode: status = 0, statusMessage: statusText = '', headersDistinct } = answer
  const headers = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  )
  const isBodiless = status === 204 || status === 304
  return new Response(isBodiless ? null : Buffer.concat(chunks), { status, statusText, headers })
}
