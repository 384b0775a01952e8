import { STATUS_CODES } from 'node:http'
import { PypiServerError, type PypiServerErrorCode } from '../errors.js'
import { negotiateProblem } from '../http/accept.js'
import { challenge } from '../http/authorization.js'
import { contentRange } from '../http/byte-range.js'
import { htmlSafety } from '../http/html-safety.js'
import { safeReason } from '../http/links.js'
import type { Call, Headers, Reply } from '../http/message.js'
import { errorPage } from '../render/pages.js'

/** The only place where error codes become HTTP statuses. */
const statuses: Readonly<Record<PypiServerErrorCode, number>> = {
  ERR_PYPI_CONFIG: 500,
  ERR_PYPI_INTERNAL: 500,
  ERR_PYPI_BAD_REQUEST: 400,
  ERR_PYPI_UPLOAD_REFUSED: 400,
  ERR_PYPI_BAD_ARCHIVE: 400,
  ERR_PYPI_ABORTED: 400,
  ERR_PYPI_UNAUTHENTICATED: 401,
  ERR_PYPI_FORBIDDEN: 403,
  ERR_PYPI_NOT_FOUND: 404,
  ERR_PYPI_METHOD_NOT_ALLOWED: 405,
  ERR_PYPI_NOT_ACCEPTABLE: 406,
  ERR_PYPI_TOO_SLOW: 408,
  ERR_PYPI_FILE_EXISTS: 409,
  ERR_PYPI_TOO_LARGE: 413,
  ERR_PYPI_PATH_TOO_LONG: 414,
  ERR_PYPI_UNSUPPORTED_MEDIA_TYPE: 415,
  ERR_PYPI_RANGE_NOT_SATISFIABLE: 416,
  ERR_PYPI_TOO_MANY_LOGINS: 429,
  ERR_PYPI_BODY_ALREADY_READ: 500,
  ERR_PYPI_STORE_UNAVAILABLE: 503,
  ERR_PYPI_AUTH_UNAVAILABLE: 503,
  ERR_PYPI_OVERLOADED: 503,
  ERR_PYPI_CLOSED: 503,
  ERR_PYPI_STORE_FULL: 507,
}

/** What clients read in place of messages that name paths: which disk has what trouble is for the log. */
const publicMessages: Readonly<Partial<Record<PypiServerErrorCode, string>>> = {
  ERR_PYPI_STORE_UNAVAILABLE: 'the store cannot be used at the moment; the log of the server says why',
  ERR_PYPI_OVERLOADED: 'too much is waiting here already; try again',
  ERR_PYPI_CLOSED: 'this index is closed',
}

/** The answer for whatever a route threw. Of errors that are not ours the client learns nothing. */
export function problemReply(error: unknown, call: Call): Reply {
  const problem = asProblem(error)
  const status = statusOf(problem, call)
  const phrase = STATUS_CODES[status] ?? 'Error'
  const type = negotiateProblem(call.headers['accept'])
  const headers = { ...headersOf(problem, status), ...bodyHeaders(type) }
  const body = bodyOf(type, status, phrase, problem)
  // twine shows the reason phrase only, and the body with --verbose.
  const reason = call.method === 'POST' ? safeReason(problem.message) : phrase
  return { status, reason, headers, body }
}

/** Whether the fault is the server's, so that operators want to see its cause. */
export function isServerFault({ status }: Reply): boolean {
  return status >= 500
}

function asProblem(error: unknown): PypiServerError {
  // Two copies of the package in one process have two classes.
  if (error instanceof Error && Object.hasOwn(statuses, String((error as PypiServerError).code))) {
    const { code } = error as PypiServerError
    const message = publicMessages[code]
    return message === undefined ? (error as PypiServerError) : new PypiServerError(code, message, { cause: error })
  }
  return new PypiServerError('ERR_PYPI_INTERNAL', 'something went wrong here; the log of the server says what', {
    cause: error,
  })
}

function statusOf({ code }: PypiServerError, { headers }: Call): number {
  // twine before 6.2 takes a conflict for a duplicate only as 400.
  if (code === 'ERR_PYPI_FILE_EXISTS' && headers['user-agent']?.includes('twine')) return 400
  return statuses[code]
}

function headersOf({ code, cause }: PypiServerError, status: number): Headers {
  return {
    'cache-control': 'no-store',
    ...(status === 401 && { 'www-authenticate': challenge() }),
    ...(status === 503 && { 'retry-after': '2' }),
    ...(status === 429 && { 'retry-after': '60' }),
    ...(code === 'ERR_PYPI_METHOD_NOT_ALLOWED' && { allow: String((cause as { allow?: string }).allow) }),
    ...(code === 'ERR_PYPI_RANGE_NOT_SATISFIABLE' && {
      'content-range': contentRange(undefined, Number((cause as { size?: number } | undefined)?.size ?? 0)),
    }),
  }
}

function bodyHeaders(type: string): Headers {
  return {
    'content-type': type.startsWith('text/') ? `${type}; charset=UTF-8` : type,
    vary: 'Accept',
    ...(type === 'text/html' && htmlSafety),
  }
}

function bodyOf(
  type: ReturnType<typeof negotiateProblem>,
  status: number,
  phrase: string,
  problem: PypiServerError,
): string {
  const { code, message } = problem
  switch (type) {
    case 'text/html':
      return errorPage(status, phrase, message)
    case 'application/json':
      return JSON.stringify({ message, code: `${status} ${message}`, title: phrase, error: code })
    case 'application/problem+json':
      return JSON.stringify({ type: 'about:blank', title: phrase, status, detail: message, code })
    default:
      return `${message}\n`
  }
}
