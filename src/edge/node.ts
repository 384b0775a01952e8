import { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { bodyLength } from '../http/complete-reply.js'
import type { Reply } from '../http/message.js'
import { andThen, isPromise } from '../util/awaitable.js'
import { discardBody, isByteReader } from '../util/byte-reader.js'
import type { RawCall } from './dispatch.js'
import { type Answer, answer, answerProblem, bodyAlreadyRead, type Edge, reportRequest } from './edge.js'
import { createHostCheck } from './location.js'
import { checkHost, NodeCall, type NodeRequest, type NodeResponse } from './node-call.js'
import { requestIdOf } from './observation.js'
import { createBodySender, type SendBody } from './send-body.js'

export type { NodeRequest, NodeResponse } from './node-call.js'

/** Answers a request; with `next`, paths that have no route are handed on. The promise never rejects. */
export type NodeHandler = (req: NodeRequest, res: NodeResponse, next?: (error?: unknown) => void) => Promise<void>

// A client that is refused in the middle of sending sees the answer only when we read on for a while.
const drainBytes = 8 * 1024 * 1024
const drainMs = 2000

/** The door for everything that speaks node:http. */
export function createNodeHandler(edge: Edge): NodeHandler {
  const isHostName = createHostCheck()
  const sendBody = createBodySender()
  return (req, res, next) => {
    const isObserved = edge.observation.isOn()
    const startedMs = isObserved ? performance.now() : 0
    const call = new NodeCall(req, res, edge)
    call.requestId = requestIdOf(edge, call.headers['x-request-id'], req.socket?.remoteAddress)
    if (next !== undefined && !edge.dispatcher.hasRoute(call.path)) return Promise.resolve(next())
    const answered = screen(edge, req, call, isHostName) ?? answer(edge, call, req)
    const written = andThen(answered, ({ reply }) => send(req, res, reply, { call, sendBody }))
    if (isObserved) return report(edge, call, { answered, written, startedMs })
    return isPromise(written) ? written : done
  }
}

// Shared by all requests that are answered at once.
const done = Promise.resolve()

interface Progress {
  readonly answered: Answer | Promise<Answer>
  readonly written: void | Promise<void>
  readonly startedMs: number
}

async function report(edge: Edge, call: RawCall, { answered, written, startedMs }: Progress): Promise<void> {
  await written
  reportRequest(edge, call, await answered, { startedMs })
}

/** What a request is answered before anybody looks for its route, if anything. */
function screen(
  edge: Edge,
  req: NodeRequest,
  call: NodeCall,
  isHostName: (host: string) => boolean,
): Answer | undefined {
  try {
    checkUnread(req, call)
    checkHost(req, call, isHostName)
  } catch (error) {
    return answerProblem(edge, call, error)
  }
  if (!call.lacksSlash || call.method !== 'GET') return undefined
  const slash = `${call.mountPath.slice(call.mountPath.lastIndexOf('/') + 1)}/`
  return { reply: { status: 301, headers: { location: slash } }, user: null }
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

function checkUnread(req: NodeRequest, { method }: RawCall): void {
  if (method === 'GET' || req.headers['content-length'] === '0') return
  // Not by `req.body`: the parsers of Express 4 set it also where they read nothing.
  if (req.readableEnded || req.readableDidRead) throw bodyAlreadyRead()
}

interface Sending {
  readonly call: NodeCall
  readonly sendBody: SendBody
}

/** Writes a reply; a client whose answer breaks off sees that it did. Never throws nor rejects. */
function send(req: NodeRequest, res: NodeResponse, reply: Reply, sending: Sending): void | Promise<void> {
  const destroy = (): void => void res.destroy()
  try {
    return write(req, res, reply, sending)?.catch(destroy)
  } catch {
    destroy()
  }
}

function write(req: NodeRequest, res: NodeResponse, reply: Reply, { call, sendBody }: Sending): void | Promise<void> {
  const { status, body } = reply
  const { isHead, requestId } = call
  const isUnread = !req.complete && hasBody(req)
  const isHttp2 = req.httpVersionMajor >= 2
  const closing = isUnread && !isHttp2
  const head = headOf(res, reply, { closing, requestId })
  if (reply.reason === undefined || isHttp2) (res as ServerResponse).writeHead(status, head)
  else (res as ServerResponse).writeHead(status, reply.reason, head)
  if (isByteReader(body) || body instanceof Readable) {
    if (!isHead) return sendBody(body, res, bodyLength(reply))
    return discardBody(body).then(() => void res.end())
  } else if (isUnread) {
    if (body !== undefined && !isHead) (res as ServerResponse).write(body)
    else (res as ServerResponse).flushHeaders?.()
    return drain(req).then(() => void res.end())
  } else if (body !== undefined && !isHead) {
    res.end(body)
    return
  }
  res.end()
}

interface HeadOptions {
  readonly closing: boolean
  readonly requestId: string | undefined
}

function headOf(
  res: NodeResponse,
  { headers, headerList }: Reply,
  { closing, requestId }: HeadOptions,
): Record<string, string> | string[] {
  if (closing || requestId !== undefined)
    return {
      ...headers,
      ...(closing && { connection: 'close' }),
      ...(requestId !== undefined && { 'x-request-id': requestId }),
    }
  // HTTP/2, and what hosts and their middleware put in the method's place, may take lists for something else.
  const takesLists = res.writeHead === ServerResponse.prototype.writeHead
  return headerList === undefined || !takesLists ? headers : (headerList as string[])
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
