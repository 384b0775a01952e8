import { PypiServerError } from '../errors.js'

/** An archive that begins well and ends too early: a copy still under way, or one that was cut. Code `ERR_PYPI_BAD_ARCHIVE`. */
export class TruncatedArchiveError extends PypiServerError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_PYPI_BAD_ARCHIVE', message, options)
  }
}

/** The error for bytes that break their format, are ambiguous or exceed a limit. */
export function badArchive(message: string, options?: ErrorOptions): PypiServerError {
  return new PypiServerError('ERR_PYPI_BAD_ARCHIVE', message, options)
}

/** An archive with more of something than its limit: a bomb, or one for which a limit has to be raised. Code `ERR_PYPI_BAD_ARCHIVE`. */
export class ArchiveLimitError extends PypiServerError {
  constructor(message: string) {
    super('ERR_PYPI_BAD_ARCHIVE', message)
  }
}
