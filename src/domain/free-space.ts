import { statfs } from 'node:fs/promises'
import { asStoreError, PypiServerError, undefinedIf } from '../errors.js'

/**
 * Whether a file system has room for so many bytes more and keeps `minFreeBytes`, or a hundredth of it when that is less.
 * One that does not tell is taken at its word when it is written to.
 * @throws ERR_PYPI_STORE_FULL, ERR_PYPI_STORE_UNAVAILABLE
 */
export async function checkFreeSpace(directory: string, neededBytes: number, minFreeBytes: number): Promise<void> {
  const stats = await statfs(directory)
    .catch(undefinedIf('ENOSYS', 'ENOTSUP', 'EPERM'))
    .catch((error: unknown) => {
      throw asStoreError(error, 'the upload')
    })
  if (stats === undefined || stats.blocks === 0) return
  const { bavail, blocks, bsize } = stats
  const keptBytes = Math.min(minFreeBytes, (blocks * bsize) / 100)
  if (bavail * bsize - neededBytes >= keptBytes) return
  throw new PypiServerError('ERR_PYPI_STORE_FULL', 'not enough space is left for the upload')
}

// At the speed of hashing, some 64 MiB.
const betweenMs = 250

/** Looks again and again until it is stopped; `onFull` hears of the first time that there is no room left. */
export function watchFreeSpace(directory: string, minFreeBytes: number, onFull: (error: unknown) => void): () => void {
  const timer = setInterval(() => {
    checkFreeSpace(directory, 0, minFreeBytes).catch((error: unknown) => {
      clearInterval(timer)
      onFull(error)
    })
  }, betweenMs).unref()
  return () => clearInterval(timer)
}
