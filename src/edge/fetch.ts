import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import type { Reply } from '../http/message.js'
import { type ByteReader, discardBody, isByteReader } from '../util/byte-reader.js'
import type { RawCall } from './dispatch.js'
import { answer, answerProblem, bodyAlreadyRead, type Edge, logRequest } from './edge.js'

/** Answers a web-standard request. The promise never rejects. */
export type FetchHandler = (request: Request, options?: FetchOptions) => Promise<Response>

/** What a fetch host knows and a `Request` does not say. */
export interface FetchOptions {
  /** Path in front of the mount point, such as `/pypi`; it is taken off the URL. @default none */
  readonly mountPath?: string
  /** Address of the client, for the log and to slow down who guesses passwords. @default none */
  readonly address?: string
}

/** The door for hosts that speak `Request` and `Response`. */
export function createFetchHandler(edge: Edge): FetchHandler {
  return async (request, { mountPath = '', address } = {}) => {
    const startedMs = performance.now()
    // Asked before the call takes the body for itself.
    const wasRead = isRead(request)
    const call = toCall(edge, request, { mountPath: mountPath.replace(/\/+$/, ''), address })
    const answered = wasRead ? answerProblem(edge, call, bodyAlreadyRead()) : await answer(edge, call, request)
    if (edge.isLogging) logRequest(edge, call, answered, { startedMs })
    return await toResponse(answered.reply, call.isHead)
  }
}

function toCall(
  { baseUrl }: Edge,
  request: Request,
  { mountPath, address }: { readonly mountPath: string; readonly address: string | undefined },
): RawCall {
  const url = new URL(request.url)
  const isBelow = url.pathname === mountPath || url.pathname.startsWith(`${mountPath}/`)
  const method = request.method.toUpperCase()
  return {
    params: {},
    method: method === 'HEAD' ? 'GET' : method,
    isHead: method === 'HEAD',
    query: url.searchParams,
    headers: Object.fromEntries(request.headers),
    path: (isBelow ? url.pathname.slice(mountPath.length) : url.pathname) || '/',
    baseUrl: baseUrl ?? `${url.origin}${mountPath}/`,
    address,
    httpVersion: '1.1',
    body:
      request.body === null || isRead(request) ? Readable.from([]) : Readable.fromWeb(request.body as ReadableStream),
    signal: request.signal,
  }
}

function isRead({ body, bodyUsed }: Request): boolean {
  return bodyUsed || body?.locked === true
}

async function toResponse({ status, reason, headers, body }: Reply, isHead: boolean): Promise<Response> {
  const init = { status, headers: { ...headers }, ...(reason !== undefined && { statusText: reason }) }
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
