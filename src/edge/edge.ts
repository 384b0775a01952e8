import { errorMessage, PypiServerError } from '../errors.js'
import type { Headers, Reply } from '../http/message.js'
import type { Logger } from '../logger.js'
import type { Dispatcher, RawCall } from './dispatch.js'
import type { LocationOptions } from './location.js'
import { isServerFault, problemReply } from './problems.js'

/** What every door to the app works with. */
export interface Edge extends LocationOptions {
  readonly dispatcher: Dispatcher
  readonly logger: Logger
}

/** An answer and who got it. */
export interface Answer {
  readonly reply: Reply
  readonly user: string | null
}

/** Carried by every answer. */
const commonHeaders: Headers = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' }

/** Answers a call whatever happens; never rejects. */
export async function answer(edge: Edge, call: RawCall, request: unknown): Promise<Answer> {
  try {
    const { reply, user } = await edge.dispatcher.dispatch(call, request)
    return { reply: withCommonHeaders(reply), user }
  } catch (error) {
    return answerProblem(edge, call, error)
  }
}

/** What a call is answered that failed; the log hears of faults of the server. */
export function answerProblem({ logger }: Edge, call: RawCall, error: unknown): Answer {
  const reply = withCommonHeaders(problemReply(error, { ...call, params: {} }))
  if (isServerFault(reply)) logger.error({ path: call.path, reason: errorMessage(error), err: error }, 'request failed')
  return { reply, user: null }
}

/** What is wrong when a host has consumed an upload before it came here. */
export function bodyAlreadyRead(): PypiServerError {
  const message =
    'the request body was read before it came here: mount the index before body parsers such as express.json()'
  return new PypiServerError('ERR_PYPI_BODY_ALREADY_READ', message)
}

/** Address, outcome and duration of one request, for the access log. */
export function logRequest(
  { logger }: Edge,
  call: RawCall,
  { reply, user }: Answer,
  { startedMs }: { readonly startedMs: number },
): void {
  logger.info(
    {
      address: call.address ?? '-',
      user,
      method: call.isHead ? 'HEAD' : call.method,
      path: call.path,
      status: reply.status,
      bytes: bodyLength(reply),
      ms: Math.round(performance.now() - startedMs),
      userAgent: call.headers['user-agent'] ?? '',
    },
    'request',
  )
}

/** Bytes of the body, `undefined` for streams that do not say. */
export function bodyLength({ headers, body }: Reply): number | undefined {
  if (headers['content-length'] !== undefined) return Number(headers['content-length'])
  if (body === undefined) return 0
  if (typeof body === 'string') return Buffer.byteLength(body)
  return body instanceof Uint8Array ? body.length : undefined
}

function withCommonHeaders(reply: Reply): Reply {
  const length = bodyLength(reply)
  // 204 and 304 have no body whose length could be told (RFC 9110 section 8.6).
  const hasLength = length !== undefined && reply.status !== 304 && reply.status !== 204
  return {
    ...reply,
    headers: { ...commonHeaders, ...reply.headers, ...(hasLength && { 'content-length': String(length) }) },
  }
}
