import { temporarySpoolDirectory } from '../domain/submission.js'
import { PypiServerError } from '../errors.js'
import { checkBodyHeaders } from '../http/body-headers.js'
import type { Call } from '../http/message.js'
import type { Services } from './route.js'

/** A form whose turn it is. */
export interface Admission {
  /** Where its files are spooled; rejects when there is no room for them. */
  readonly directory: () => Promise<string>
  /** Aborts when the client goes away, or there is no room left. */
  readonly signal: AbortSignal
  /** Makes room for the next. */
  readonly leave: () => void
}

/** What a form may have besides its file. */
const formBytes = 1024 ** 2

/**
 * Lets a form in once it is its turn, before any of it is read.
 * @throws ERR_PYPI_TOO_LARGE, ERR_PYPI_UNSUPPORTED_MEDIA_TYPE, ERR_PYPI_OVERLOADED, ERR_PYPI_STORE_FULL
 */
export async function admitForm(call: Call, services: Services): Promise<Admission> {
  const { freeSpace, limits } = services
  const length = checkBodyHeaders(call, limits.maxUploadBytes + formBytes) ?? 0
  const giveBack = await services.uploads.take(call.signal)
  const full = new AbortController()
  const stops: (() => void)[] = [giveBack]
  const directory = async (): Promise<string> => {
    const path = await spoolDirectory(services)
    await freeSpace.check(path, length)
    stops.push(freeSpace.watch(path, (error) => full.abort(error)))
    return path
  }
  const leave = (): void => {
    for (const stop of stops.splice(0)) stop()
  }
  try {
    // A small form may be a removal, which makes room.
    if (length > formBytes) await freeSpace.check(await spoolDirectory(services), length)
  } catch (error) {
    leave()
    throw error
  }
  return { directory, signal: AbortSignal.any([call.signal, full.signal]), leave }
}

async function spoolDirectory({ backend }: Services): Promise<string> {
  if (backend.publish === undefined) throw new PypiServerError('ERR_PYPI_FORBIDDEN', 'this index takes no uploads')
  return await (backend.spoolDirectory?.() ?? temporarySpoolDirectory())
}
