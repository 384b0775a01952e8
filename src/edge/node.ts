import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { TLSSocket } from 'node:tls'
import { PypiServerError } from '../errors.js'
import type { Reply } from '../http/message.js'
import type { RawCall } from './dispatch.js'
import { type Answer, answer, answerProblem, bodyAlreadyRead, type Edge, logRequest } from './edge.js'
import { baseUrlOf, clientAddressOf } from './location.js'

/** A request of node:http, node:https, or node:http2's compatibility layer, with what host frameworks add. */
export type NodeRequest = (IncomingMessage | Http2ServerRequest) & {
  readonly originalUrl?: string
  readonly baseUrl?: string
}
export type NodeResponse = ServerResponse | Http2ServerResponse

/** Answers a request; with `next`, paths that have no route are handed on. The promise never rejects. */
export type NodeHandler = (req: NodeRequest, res: NodeResponse, next?: (error?: unknown) => void) => Promise<void>

// A client that is refused in the middle of sending sees the answer only when we read on for a while.
const drainBytes = 8 * 1024 * 1024
const drainMs = 2000

/** The door for everything that speaks node:http. */
export function createNodeHandler(edge: Edge): NodeHandler {
  return async (req, res, next) => {
    const startedMs = performance.now()
    const target = targetOf(req)
    if (next !== undefined && !edge.dispatcher.hasRoute(target.path)) return next()
    const gone = new AbortController()
    res.once('close', () => {
      if (!res.writableFinished) gone.abort(new PypiServerError('ERR_PYPI_ABORTED', 'the client went away'))
    })
    const { call, early } = toCall(edge, req, target, gone.signal)
    const answered = early ?? (await answer(edge, call, req))
    await write(req, res, answered.reply, call.isHead).catch(() => res.destroy())
    logRequest(edge, call, answered, { startedMs })
  }
}

/** The same door for `checkContinue`: clients are told to go on when somebody begins to read what they want to send. */
export function createContinueHandler(edge: Edge): NodeHandler {
  const handler = createNodeHandler(edge)
  return (req, res, next) => {
    // What is read to drain a refused request is read after the answer.
    req.once('resume', () => {
      if (!res.headersSent) res.writeContinue()
    })
    return handler(req, res, next)
  }
}

interface Target {
  /** Below the mount point. */
  readonly path: string
  readonly query: URLSearchParams
  /** In front of it, without a trailing slash. */
  readonly mountPath: string
  /** The mount point itself was asked for, without its slash: relative links would miss it. */
  readonly lacksSlash: boolean
}

function targetOf(req: NodeRequest): Target {
  // RFC 9112 section 3.2.2: proxies may send the absolute form.
  const url = (req.url ?? '/').replace(/^https?:\/\/[^/?#]*/i, '') || '/'
  const [urlPath, query] = splitOnce(url.split('#', 1)[0] ?? '', '?')
  // What is left of `/pypi?x` once a host has taken the prefix off.
  const path = urlPath || '/'
  const originalPath = (req.originalUrl ?? url).split(/[?#]/, 1)[0] ?? ''
  const mountPath = (req.baseUrl ?? prefixOf(originalPath, path)).replace(/\/+$/, '')
  return {
    path,
    query: new URLSearchParams(query),
    mountPath,
    lacksSlash: path === '/' && mountPath !== '' && originalPath === mountPath,
  }
}

function prefixOf(originalPath: string, path: string): string {
  return originalPath.endsWith(path) ? originalPath.slice(0, originalPath.length - path.length) : originalPath
}

function toCall(
  edge: Edge,
  req: NodeRequest,
  { path, query, mountPath, lacksSlash }: Target,
  signal: AbortSignal,
): { readonly call: RawCall; readonly early?: Answer } {
  const method = (req.method ?? 'GET').toUpperCase()
  const headers = headersOf(req)
  const bare = {
    method: method === 'HEAD' ? 'GET' : method,
    isHead: method === 'HEAD',
    query,
    headers,
    path,
    address: clientAddressOf(edge.trustProxy, req.socket?.remoteAddress, headers['x-forwarded-for']),
    httpVersion: req.httpVersion,
    body: req,
    signal,
  }
  try {
    checkUnread(req, method)
    const baseUrl = baseUrlOf({ ...originOf(req, headers), mountPath }, edge)
    const call = { ...bare, baseUrl }
    const slash = `${mountPath.slice(mountPath.lastIndexOf('/') + 1)}/`
    return lacksSlash && bare.method === 'GET'
      ? { call, early: { reply: { status: 301, headers: { location: slash } }, user: null } }
      : { call }
  } catch (error) {
    const call = { ...bare, baseUrl: '' }
    return { call, early: answerProblem(edge, call, error) }
  }
}

function headersOf(req: NodeRequest): Readonly<Record<string, string | undefined>> {
  const headers: Record<string, string | undefined> = {}
  for (const [name, value] of Object.entries(req.headers)) {
    headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  // Node keeps the first of several; which one a proxy in front looked at cannot be known.
  if (countHeader(req, 'authorization') > 1) headers['authorization'] = ''
  return headers
}

function countHeader({ rawHeaders }: NodeRequest, name: string): number {
  return rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === name).length
}

function originOf(req: NodeRequest, headers: RawCall['headers']): Omit<Parameters<typeof baseUrlOf>[0], 'mountPath'> {
  if (countHeader(req, 'host') > 1) throw new PypiServerError('ERR_PYPI_BAD_REQUEST', 'more than one Host header')
  return {
    host: headers['host'] ?? headers[':authority'] ?? ownAuthority(req),
    forwardedHost: headers['x-forwarded-host'],
    forwardedProto: headers['x-forwarded-proto'],
    peer: req.socket?.remoteAddress,
    isEncrypted: (req.socket as TLSSocket | undefined)?.encrypted === true,
  }
}

/** What HTTP/1.0 clients have connected to, who need not say a `Host`. */
function ownAuthority({ socket }: NodeRequest): string | undefined {
  if (socket?.localAddress === undefined) return undefined
  // Neither the IPv4 part of a dual socket nor an interface's name belongs into a URL.
  const address = socket.localAddress.replace(/^::ffff:(?=\d+\.)|%.*$/g, '')
  return `${address.includes(':') ? `[${address}]` : address}:${socket.localPort}`
}

function checkUnread(req: NodeRequest, method: string): void {
  const isReading = method === 'GET' || method === 'HEAD'
  if (isReading || req.headers['content-length'] === '0') return
  // Not by `req.body`: the parsers of Express 4 set it also where they read nothing.
  if (req.readableEnded || req.readableDidRead) throw bodyAlreadyRead()
}

async function write(req: NodeRequest, res: NodeResponse, reply: Reply, isHead: boolean): Promise<void> {
  const { status, body } = reply
  const isUnread = !req.complete && hasBody(req)
  const isHttp2 = req.httpVersionMajor >= 2
  const headers = isUnread && !isHttp2 ? { ...reply.headers, connection: 'close' } : reply.headers
  if (reply.reason === undefined || isHttp2) (res as ServerResponse).writeHead(status, headers)
  else (res as ServerResponse).writeHead(status, reply.reason, headers)
  if (body instanceof Readable) {
    if (isHead) body.destroy()
    else return await pipeline(body, res as ServerResponse)
  } else if (isUnread) {
    if (body !== undefined && !isHead) (res as ServerResponse).write(body)
    else (res as ServerResponse).flushHeaders?.()
    await drain(req)
  } else if (body !== undefined && !isHead) {
    res.end(body)
    return
  }
  res.end()
}

function hasBody({ headers }: NodeRequest): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** Reads and throws away what the client still sends, up to a bound in bytes and time. */
async function drain(req: NodeRequest): Promise<void> {
  await new Promise<void>((resolve) => {
    let bytes = 0
    const timer = setTimeout(resolve, drainMs).unref()
    const done = (): void => {
      clearTimeout(timer)
      resolve()
    }
    req.on('data', (chunk: Uint8Array) => {
      bytes += chunk.length
      if (bytes > drainBytes) done()
    })
    for (const event of ['end', 'close', 'error']) req.once(event, done)
    req.resume()
  })
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
