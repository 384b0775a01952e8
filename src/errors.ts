import { constants } from 'node:os'

/** Every code that {@link PypiServerError} can carry; stable across releases, one heading each in `docs/errors.md`. */
export type PypiServerErrorCode =
  | 'ERR_PYPI_CONFIG'
  | 'ERR_PYPI_INTERNAL'
  | 'ERR_PYPI_BAD_REQUEST'
  | 'ERR_PYPI_UPLOAD_REFUSED'
  | 'ERR_PYPI_TOO_LARGE'
  | 'ERR_PYPI_PATH_TOO_LONG'
  | 'ERR_PYPI_TOO_SLOW'
  | 'ERR_PYPI_UNSUPPORTED_MEDIA_TYPE'
  | 'ERR_PYPI_FILE_EXISTS'
  | 'ERR_PYPI_UNAUTHENTICATED'
  | 'ERR_PYPI_TOO_MANY_LOGINS'
  | 'ERR_PYPI_FORBIDDEN'
  | 'ERR_PYPI_NOT_FOUND'
  | 'ERR_PYPI_METHOD_NOT_ALLOWED'
  | 'ERR_PYPI_NOT_ACCEPTABLE'
  | 'ERR_PYPI_RANGE_NOT_SATISFIABLE'
  | 'ERR_PYPI_STORE_UNAVAILABLE'
  | 'ERR_PYPI_STORE_FULL'
  | 'ERR_PYPI_AUTH_UNAVAILABLE'
  | 'ERR_PYPI_OVERLOADED'
  | 'ERR_PYPI_BODY_ALREADY_READ'
  | 'ERR_PYPI_BAD_ARCHIVE'
  | 'ERR_PYPI_ABORTED'
  | 'ERR_PYPI_CLOSED'

/** The one error class of this library: branch on `code`, show `message`, look for the origin in `cause`. */
export class PypiServerError extends Error {
  /** Always `PypiServerError`. */
  override readonly name = 'PypiServerError'
  /** What went wrong, for programs. */
  readonly code: PypiServerErrorCode

  constructor(code: PypiServerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The `code` of a Node or library error, `undefined` when there is none. */
export function errorCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

/** One line of text for any thrown value, for logs and messages. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** For `.catch()`: turns the named condition into `undefined` and rethrows everything else. */
export function undefinedIf(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (!codes.includes(errorCode(error) ?? '')) throw error
    return undefined
  }
}

// Not ERR_STREAM_PREMATURE_CLOSE and its like: those are of what was sent.
const systemCode = /^(?:E[A-Z0-9]+|ERR_WORKER_\w+|Unknown system error -\d+)$/
// Node has no name for a quota that is used up.
const fullCodes = ['ENOSPC', 'EDQUOT', `Unknown system error -${constants.errno.EDQUOT}`]

/** The error that a caller can act on, for an error that the system met at `what`; errors of other kinds stay themselves. */
export function asStoreError(error: unknown, what: string): unknown {
  const code = errorCode(error)
  if (code === undefined || !systemCode.test(code)) return error
  const name = what.slice(what.lastIndexOf('/') + 1)
  if (code === 'EEXIST') return new PypiServerError('ERR_PYPI_FILE_EXISTS', `${name} exists`, { cause: error })
  if (fullCodes.includes(code)) {
    return new PypiServerError('ERR_PYPI_STORE_FULL', `no space left for ${name}`, { cause: error })
  }
  return new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', `${name} cannot be stored or read (${code})`, {
    cause: error,
  })
}
