import { errorMessage, PypiServerError } from '../errors.js'
import { bodyLength, completeReply } from '../http/complete-reply.js'
import type { Reply } from '../http/message.js'
import type { Logger } from '../logger.js'
import { isPromise } from '../util/awaitable.js'
import type { Dispatched, Dispatcher, RawCall } from './dispatch.js'
import type { LocationOptions } from './location.js'
import type { Observation } from './observation.js'
import { isServerFault, problemReply } from './problems.js'

/** What every door to the app works with. */
export interface Edge extends LocationOptions {
  readonly dispatcher: Dispatcher
  readonly logger: Logger
  readonly observation: Observation
}

/** An answer and who got it. */
export interface Answer {
  readonly reply: Reply
  readonly user: string | null
}

/** Answers a call whatever happens; never throws nor rejects. At once when its route does. */
export function answer(edge: Edge, call: RawCall, request: unknown): Answer | Promise<Answer> {
  try {
    const dispatched = edge.dispatcher.dispatch(call, request)
    if (!isPromise(dispatched)) return complete(dispatched)
    return dispatched.then(complete).catch((error: unknown) => answerProblem(edge, call, error))
  } catch (error) {
    return answerProblem(edge, call, error)
  }
}

function complete({ reply, user }: Dispatched): Answer {
  return { reply: completeReply(reply), user }
}

/** What a call is answered that failed; the log hears of faults of the server. */
export function answerProblem({ logger }: Edge, call: RawCall, error: unknown): Answer {
  const reply = completeReply(problemReply(error, call))
  if (isServerFault(reply)) {
    const { path, requestId } = call
    logger.error({ path, reason: errorMessage(error), err: error, ...(requestId && { requestId }) }, 'request failed')
  }
  return { reply, user: null }
}

/** What is wrong when a host has consumed an upload before it came here. */
export function bodyAlreadyRead(): PypiServerError {
  const message =
    'the request body was read before it came here: mount the index before body parsers such as express.json()'
  return new PypiServerError('ERR_PYPI_BODY_ALREADY_READ', message)
}

/** Tells of one request, once it is through. */
export function reportRequest(
  { observation }: Edge,
  call: RawCall,
  { reply, user }: Answer,
  { startedMs }: { readonly startedMs: number },
): void {
  observation.tell({
    requestId: call.requestId ?? '',
    address: call.address ?? '-',
    user,
    method: call.isHead ? 'HEAD' : call.method,
    path: call.path,
    route: call.route ?? 'none',
    status: reply.status,
    bytes: bodyLength(reply),
    ms: performance.now() - startedMs,
    userAgent: call.headers['user-agent'] ?? '',
  })
}
