import { errorMessage, PypiServerError } from '../errors.js'
import { htmlSafety } from '../http/html-safety.js'
import type { Call, Reply } from '../http/message.js'
import type { Services } from './route.js'

const checkMs = 5000

/**
 * Says that the process lives, and looks at nothing. With `?ready`, says whether requests should be sent here: that this
 * index is not about to end, and that its backend can answer within five seconds.
 */
export async function health({ query }: Call, services: Services): Promise<Reply> {
  if (query.has('ready')) await checkReady(services)
  const headers = { ...htmlSafety, 'content-type': 'text/html; charset=UTF-8', 'cache-control': 'no-store' }
  return { status: 200, headers, body: 'Ok' }
}

async function checkReady({ backend, isDraining }: Services): Promise<void> {
  if (isDraining()) throw new PypiServerError('ERR_PYPI_CLOSED', 'this index is about to end')
  await backend.check?.({ signal: AbortSignal.timeout(checkMs) }).catch((cause: unknown) => {
    throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', `not ready: ${errorMessage(cause)}`, { cause })
  })
}

/** What was counted, for Prometheus. Names neither projects nor users: whoever may reach the index may read it. */
export async function metrics(_: Call, services: Services): Promise<Reply> {
  const headers = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' }
  return { status: 200, headers, body: await services.metrics() }
}

/** Browsers ask for it; it must not look like a project. */
export function favicon(): Reply {
  throw new PypiServerError('ERR_PYPI_NOT_FOUND', 'there is no favicon')
}
