import { availableParallelism } from 'node:os'
import { PypiServerError } from '../../errors.js'
import type { DiskAnswers, DiskRequest } from './disk-protocol.js'
import { createThread, type OnBatch } from './thread.js'

/**
 * Reads disks in threads of its own, so that nothing blocks the event loop: one for directories, so that a change shows
 * whatever else is read, and up to two for the insides of files.
 */
export interface Disk {
  /**
   * Rejects with an error that carries the system's `code`; `onBatch` hears what a scan finds as it goes. What is asked
   * of directories is answered in the order in which it was seen.
   */
  readonly ask: <K extends DiskRequest['kind']>(
    request: Extract<DiskRequest, { kind: K }>,
    onBatch?: OnBatch,
  ) => Promise<DiskAnswers[K]>
  /** Ends the threads; requests under way reject with `ERR_PYPI_CLOSED`. */
  readonly close: () => Promise<void>
}

const maxFileThreads = 2
const directoryKinds: ReadonlySet<DiskRequest['kind']> = new Set(['load', 'scan', 'look', 'times'])

/** A disk whose threads start with the first requests and never keep the process alive while idle. */
export function createDisk(): Disk {
  const directories = createThread(new URL('./directory-thread.js', import.meta.url))
  const files = Array.from({ length: Math.min(maxFileThreads, availableParallelism()) }, () =>
    createThread(new URL('./file-thread.js', import.meta.url)),
  )
  let isClosed = false

  function threadFor(kind: DiskRequest['kind']): ReturnType<typeof createThread> {
    if (directoryKinds.has(kind)) return directories
    // The least busy; the first while none is, so that little work starts one thread only.
    return files.reduce((best, next) => (next.pending() < best.pending() ? next : best))
  }

  return {
    ask: (request, onBatch) => {
      if (isClosed) return Promise.reject(new PypiServerError('ERR_PYPI_CLOSED', 'the directory backend is closed'))
      return threadFor(request.kind).ask(request, onBatch)
    },
    close: async () => {
      isClosed = true
      await Promise.all([directories, ...files].map((thread) => thread.close()))
    },
  }
}
