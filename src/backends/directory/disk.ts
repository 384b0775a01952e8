import { Worker } from 'node:worker_threads'
import { PypiServerError } from '../../errors.js'
import type { DirectoryBatch, DiskAnswers, DiskRequest } from './disk-protocol.js'

/** Reads directories and files in a thread of its own, so that neither blocks the event loop. */
export interface Disk {
  /** Rejects with an error that carries the system's `code`; `onBatch` hears what a scan finds as it goes. */
  readonly ask: <K extends DiskRequest['kind']>(
    request: Extract<DiskRequest, { kind: K }>,
    onBatch?: (batch: DirectoryBatch) => void,
  ) => Promise<DiskAnswers[K]>
  /** Ends the thread; requests under way reject with `ERR_PYPI_CLOSED`. */
  readonly close: () => Promise<void>
}

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
  readonly onBatch: ((batch: DirectoryBatch) => void) | undefined
}

interface Message {
  readonly id: number
  readonly value?: unknown
  readonly batch?: DirectoryBatch
  readonly error?: { readonly code?: string; readonly message: string }
}

const entry = new URL('./disk-thread.js', import.meta.url)

/** A disk whose thread starts with the first request and never keeps the process alive while idle. */
export function createDisk(): Disk {
  const waiting = new Map<number, Waiting>()
  let worker: Worker | undefined
  let lastId = 0
  let isClosed = false

  function start(): Worker {
    // Without the host's `execArgv`: its loaders and preloaded modules are none of this thread's business.
    const started = new Worker(entry, { execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 512 } })
    started.on('message', receive)
    started.on('error', (error) => lose(started, error))
    started.on('exit', () => lose(started, new PypiServerError('ERR_PYPI_CLOSED', 'the disk thread has ended')))
    return started
  }

  function receive({ id, value, batch, error }: Message): void {
    const caller = waiting.get(id)
    if (caller === undefined) return
    if (batch !== undefined) {
      caller.onBatch?.(batch)
      return
    }
    waiting.delete(id)
    if (waiting.size === 0 && !isClosed) worker?.unref()
    if (error === undefined) caller.resolve(value as never)
    else caller.reject(Object.assign(new Error(error.message), { code: error.code }))
  }

  function lose(lost: Worker, error: Error): void {
    if (lost !== worker) return
    worker = undefined
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }

  return {
    ask: (request, onBatch) => {
      if (isClosed) return Promise.reject(new PypiServerError('ERR_PYPI_CLOSED', 'the directory backend is closed'))
      worker ??= start()
      lastId += 1
      const id = lastId
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, onBatch })
        worker?.ref()
        worker?.postMessage({ id, request })
      })
    },
    close: async () => {
      isClosed = true
      // Nothing else may be left to keep the process alive until the thread has ended.
      worker?.ref()
      await worker?.terminate()
    },
  }
}
