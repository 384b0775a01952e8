import { PypiServerError } from '../errors.js'
import type { Reply } from '../http/message.js'

/** Says that the process lives; looks at nothing. */
export function health(): Reply {
  const headers = { 'content-type': 'text/html; charset=UTF-8', 'cache-control': 'no-store' }
  return { status: 200, headers, body: 'Ok' }
}

/** Browsers ask for it; it must not look like a project. */
export function favicon(): Reply {
  throw new PypiServerError('ERR_PYPI_NOT_FOUND', 'there is no favicon')
}
