import { statfs } from 'node:fs/promises'
import { asStoreError, PypiServerError, undefinedIf } from '../errors.js'

/** Tells whether file systems have room for uploads. */
export interface FreeSpace {
  /**
   * Whether a directory has room for so many bytes more and keeps `minFreeBytes`, or a hundredth of its file system when that
   * is less. One that does not tell is taken at its word when it is written to. What was found less than a tenth of a second
   * ago counts, less what has been let in since, as long as it is enough.
   * @throws ERR_PYPI_STORE_FULL, ERR_PYPI_STORE_UNAVAILABLE
   */
  readonly check: (directory: string, neededBytes: number) => Promise<void>
  /** Looks again and again until it is stopped; `onFull` hears of the first time that there is no room left. */
  readonly watch: (directory: string, onFull: (error: unknown) => void) => () => void
}

interface Found {
  readonly directory: string
  readonly untilMs: number
  /** Bytes that may be let in. */
  room: number
}

const foundForMs = 100
// At the speed of hashing, some 64 MiB.
const betweenMs = 250

/** Looks at nothing yet. */
export function createFreeSpace(minFreeBytes: number): FreeSpace {
  let last: Found = { directory: '', untilMs: 0, room: 0 }

  async function check(directory: string, neededBytes: number): Promise<void> {
    const isFresh = last.directory === directory && performance.now() < last.untilMs
    if (!isFresh || last.room < neededBytes) {
      const untilMs = performance.now() + foundForMs
      last = { directory, untilMs, room: await roomIn(directory, minFreeBytes) }
    }
    last.room -= neededBytes
    if (last.room < 0) throw new PypiServerError('ERR_PYPI_STORE_FULL', 'not enough space is left for the upload')
  }

  function watch(directory: string, onFull: (error: unknown) => void): () => void {
    const timer = setInterval(() => {
      check(directory, 0).catch((error: unknown) => {
        clearInterval(timer)
        onFull(error)
      })
    }, betweenMs).unref()
    return () => clearInterval(timer)
  }

  return { check, watch }
}

async function roomIn(directory: string, minFreeBytes: number): Promise<number> {
  const stats = await statfs(directory)
    .catch(undefinedIf('ENOSYS', 'ENOTSUP', 'EPERM'))
    .catch((error: unknown) => {
      throw asStoreError(error, 'the upload')
    })
  if (stats === undefined || stats.blocks === 0) return Number.POSITIVE_INFINITY
  const { bavail, blocks, bsize } = stats
  return bavail * bsize - Math.min(minFreeBytes, (blocks * bsize) / 100)
}
