import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import type { Reply } from '../http/message.js'
import { type ByteReader, discardBody, isByteReader } from '../util/byte-reader.js'
import type { RawCall } from './dispatch.js'
import { type Answer, answer, answerProblem, bodyAlreadyRead, type Edge, reportRequest } from './edge.js'
import { baseUrlOf, clientAddressOf, isProxied } from './location.js'
import { requestIdOf } from './observation.js'

/** Answers a web-standard request. The promise rejects only as `next` does. */
export type FetchHandler = (request: Request, options?: FetchOptions) => Promise<Response>

/** What a fetch host knows and a `Request` does not say. */
export interface FetchOptions {
  /** Path in front of the mount point, such as `/pypi`; it is taken off the URL. @default none */
  readonly mountPath?: string
  /** Address of the peer: for the log, to slow down who guesses passwords, and for `trustProxy`. @default none */
  readonly address?: string
  /** Answers paths that have no route in the index. @default the index itself, with 404 */
  readonly next?: () => Response | Promise<Response>
}

/** The door for hosts that speak `Request` and `Response`. */
export function createFetchHandler(edge: Edge): FetchHandler {
  return async (request, { mountPath = '', address, next } = {}) => {
    const startedMs = performance.now()
    const isObserved = edge.observation.isOn()
    // Asked before the call takes the body for itself.
    const wasRead = isRead(request)
    const target = targetOf(request, mountPath.replace(/\/+$/, ''))
    if (next !== undefined && !edge.dispatcher.hasRoute(target.path)) return await next()
    const { call, early } = toCall(edge, request, { ...target, address })
    const answered =
      early ?? (wasRead ? answerProblem(edge, call, bodyAlreadyRead()) : await answer(edge, call, request))
    if (isObserved) reportRequest(edge, call, answered, { startedMs })
    return await toResponse(answered.reply, call)
  }
}

interface Target {
  readonly url: URL
  /** Below the mount point. */
  readonly path: string
  /** In front of it, without a trailing slash. */
  readonly mountPath: string
}

function targetOf(request: Request, mountPath: string): Target {
  const url = new URL(request.url)
  const isBelow = url.pathname === mountPath || url.pathname.startsWith(`${mountPath}/`)
  return { url, mountPath, path: (isBelow ? url.pathname.slice(mountPath.length) : url.pathname) || '/' }
}

function toCall(
  edge: Edge,
  request: Request,
  { url, path, mountPath, address }: Target & { readonly address: string | undefined },
): { readonly call: RawCall; readonly early?: Answer } {
  const method = request.method.toUpperCase()
  const headers = Object.fromEntries(request.headers)
  const bare = {
    params: {},
    method: method === 'HEAD' ? 'GET' : method,
    isHead: method === 'HEAD',
    query: url.searchParams,
    headers,
    path,
    address: clientAddressOf(edge.trustProxy, address, headers['x-forwarded-for']),
    isProxied: isProxied(edge.trustProxy, address, headers['x-forwarded-for']),
    httpVersion: '1.1',
    requestId: requestIdOf(edge, headers['x-request-id'], address),
    body:
      request.body === null || isRead(request) ? Readable.from([]) : Readable.fromWeb(request.body as ReadableStream),
    signal: request.signal,
  }
  try {
    return { call: { ...bare, baseUrl: baseUrlOf({ ...originOf(url, headers), peer: address, mountPath }, edge) } }
  } catch (error) {
    const call = { ...bare, baseUrl: '' }
    return { call, early: answerProblem(edge, call, error) }
  }
}

function originOf(
  { host, protocol }: URL,
  headers: RawCall['headers'],
): Omit<Parameters<typeof baseUrlOf>[0], 'mountPath' | 'peer'> {
  return {
    host,
    forwardedHost: headers['x-forwarded-host'],
    forwardedProto: headers['x-forwarded-proto'],
    isEncrypted: protocol === 'https:',
  }
}

function isRead({ body, bodyUsed }: Request): boolean {
  return bodyUsed || body?.locked === true
}

async function toResponse({ status, reason, headers, body }: Reply, { isHead, requestId }: RawCall): Promise<Response> {
  const named = { ...headers, ...(requestId !== undefined && { 'x-request-id': requestId }) }
  const init = { status, headers: named, ...(reason !== undefined && { statusText: reason }) }
  if (isHead || body === undefined || status === 304) {
    await discardBody(body)
    return new Response(null, init)
  }
  if (isByteReader(body)) return new Response(streamOf(body) as globalThis.ReadableStream, init)
  if (body instanceof Readable) return new Response(Readable.toWeb(body) as globalThis.ReadableStream, init)
  return new Response(body as string | Uint8Array<ArrayBuffer>, init)
}

const pieceBytes = 256 * 1024

/** Reads only when somebody waits for it; each piece is the reader's to keep. */
function streamOf(reader: ByteReader): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const piece = new Uint8Array(pieceBytes)
        try {
          const count = await reader.readInto(piece)
          if (count > 0) return controller.enqueue(piece.subarray(0, count))
          controller.close()
        } catch (error) {
          controller.error(error)
        }
        await reader.close()
      },
      cancel: () => reader.close(),
    },
    { highWaterMark: 0 },
  )
}
