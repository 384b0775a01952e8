import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import type { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { PypiServerError } from '../errors.js'
import type { RawCall } from './dispatch.js'
import { baseUrlOf, clientAddressOf, isProxied, type LocationOptions, type RequestOrigin } from './location.js'

/** A request of node:http, node:https, or node:http2's compatibility layer, with what host frameworks add. */
export type NodeRequest = (IncomingMessage | Http2ServerRequest) & {
  readonly originalUrl?: string
  readonly baseUrl?: string
}
/** A response of node:http, node:https, or node:http2's compatibility layer. */
export type NodeResponse = ServerResponse | Http2ServerResponse

/**
 * A request of node:http as a call. A class for its getters: most calls are answered without anybody asking for the
 * address, the query or the signal, and making those costs more than the rest of the answer.
 */
export class NodeCall implements RawCall {
  params: RawCall['params'] = noParams
  route: string | undefined
  requestId: string | undefined
  readonly method: string
  readonly isHead: boolean
  readonly path: string
  readonly headers: RawCall['headers']
  /** In front of the mount point's final slash. */
  readonly mountPath: string
  /** The mount point itself was asked for, without its slash: relative links would miss it. */
  readonly lacksSlash: boolean
  readonly address: string | undefined
  private readonly req: NodeRequest
  private readonly res: NodeResponse
  private readonly options: LocationOptions
  private readonly queryText: string
  private parsedQuery: URLSearchParams | undefined
  private gone: AbortController | undefined

  constructor(req: NodeRequest, res: NodeResponse, options: LocationOptions) {
    const { method = 'GET' } = req
    const upper = method === 'GET' ? method : method.toUpperCase()
    const { path, query, mountPath, lacksSlash } = targetOf(req)
    this.method = upper === 'HEAD' ? 'GET' : upper
    this.isHead = upper === 'HEAD'
    this.path = path
    this.headers = headersOf(req)
    this.address = clientAddressOf(options.trustProxy, req.socket?.remoteAddress, this.headers['x-forwarded-for'])
    this.mountPath = mountPath
    this.lacksSlash = lacksSlash
    this.req = req
    this.res = res
    this.options = options
    this.queryText = query
  }

  get query(): URLSearchParams {
    if (this.queryText === '') return noQuery
    this.parsedQuery ??= new URLSearchParams(this.queryText)
    return this.parsedQuery
  }

  get isProxied(): boolean {
    return isProxied(this.options.trustProxy, this.req.socket?.remoteAddress, this.headers['x-forwarded-for'])
  }

  get httpVersion(): string {
    return this.req.httpVersion
  }

  get body(): Readable {
    return this.req
  }

  get baseUrl(): string {
    return baseUrlOf(originOf(this.req, this.headers, this.mountPath), this.options)
  }

  get signal(): AbortSignal {
    this.gone ??= abortedWith(this.res)
    return this.gone.signal
  }
}

const noParams: RawCall['params'] = {}
const noQuery = new URLSearchParams()

/** Aborts when a response ends before it was sent. */
function abortedWith(res: NodeResponse): AbortController {
  const gone = new AbortController()
  const abort = (): void => {
    if (!res.writableFinished) gone.abort(new PypiServerError('ERR_PYPI_ABORTED', 'the client went away'))
  }
  if (res.destroyed) abort()
  else res.once('close', abort)
  return gone
}

interface Target {
  /** Below the mount point. */
  readonly path: string
  readonly query: string
  readonly mountPath: string
  readonly lacksSlash: boolean
}

function targetOf(req: NodeRequest): Target {
  const { url: given = '/', originalUrl } = req
  // RFC 9112 section 3.2.2: proxies may send the absolute form.
  const absolute = given.startsWith('/') ? given : given.replace(/^https?:\/\/[^/?#]*/i, '')
  const url = (absolute.includes('#') ? absolute.slice(0, absolute.indexOf('#')) : absolute) || '/'
  const mark = url.indexOf('?')
  // What is left of `/pypi?x` once a host has taken the prefix off.
  const path = (mark < 0 ? url : url.slice(0, mark)) || '/'
  const query = mark < 0 ? '' : url.slice(mark + 1)
  if (originalUrl === undefined && req.baseUrl === undefined) return { path, query, mountPath: '', lacksSlash: false }
  const originalPath = (originalUrl ?? url).split(/[?#]/, 1)[0] ?? ''
  const mountPath = (req.baseUrl ?? prefixOf(originalPath, path)).replace(/\/+$/, '')
  return { path, query, mountPath, lacksSlash: path === '/' && mountPath !== '' && originalPath === mountPath }
}

function prefixOf(originalPath: string, path: string): string {
  return originalPath.endsWith(path) ? originalPath.slice(0, originalPath.length - path.length) : originalPath
}

function headersOf(req: NodeRequest): RawCall['headers'] {
  const headers = req.headers as Record<string, string | readonly string[] | undefined>
  // Node keeps the first of several logins; which one a proxy in front looked at cannot be known.
  const isAmbiguous = headers['authorization'] !== undefined && countHeader(req, 'authorization') > 1
  // The one field that Node leaves as a list.
  if (headers['set-cookie'] === undefined && !isAmbiguous) return headers as RawCall['headers']
  const joined = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value])
  return { ...Object.fromEntries(joined), ...(isAmbiguous && { authorization: '' }) } as RawCall['headers']
}

/** How often a field was sent. */
function countHeader({ rawHeaders }: NodeRequest, name: string): number {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const field = rawHeaders[index]
    if (field?.length === name.length && field.toLowerCase() === name) count++
  }
  return count
}

/**
 * What is wrong with how a request says where it goes, if anything: no route is looked for then.
 * @throws ERR_PYPI_BAD_REQUEST
 */
export function checkHost(req: NodeRequest, { headers }: RawCall, isHostName: (host: string) => boolean): void {
  if (countHeader(req, 'host') > 1) throw new PypiServerError('ERR_PYPI_BAD_REQUEST', 'more than one Host header')
  const host = headers['host'] ?? headers[':authority']
  if (host === undefined || isHostName(host)) return
  throw new PypiServerError('ERR_PYPI_BAD_REQUEST', 'the Host header is no host')
}

function originOf(req: NodeRequest, headers: RawCall['headers'], mountPath: string): RequestOrigin {
  return {
    host: headers['host'] ?? headers[':authority'] ?? ownAuthority(req),
    forwardedHost: headers['x-forwarded-host'],
    forwardedProto: headers['x-forwarded-proto'],
    peer: req.socket?.remoteAddress,
    isEncrypted: (req.socket as TLSSocket | undefined)?.encrypted === true,
    mountPath,
  }
}

/** What HTTP/1.0 clients have connected to, who need not say a `Host`. */
function ownAuthority({ socket }: NodeRequest): string | undefined {
  if (socket?.localAddress === undefined) return undefined
  // Neither the IPv4 part of a dual socket nor an interface's name belongs into a URL.
  const address = socket.localAddress.replace(/^::ffff:(?=\d+\.)|%.*$/g, '')
  return `${address.includes(':') ? `[${address}]` : address}:${socket.localPort}`
}
