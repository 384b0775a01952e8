import { Worker } from 'node:worker_threads'
import { PypiServerError } from '../../errors.js'
import { isPromise } from '../../util/awaitable.js'
import type { DirectoryBatch, DiskAnswers, DiskRequest } from './disk-protocol.js'

/** Takes in one batch; when it returns a promise the next ones wait until that is settled. */
export type OnBatch = (batch: DirectoryBatch) => unknown

/** One thread that answers requests. */
export interface Thread {
  /** Rejects with an error that carries the system's `code`. */
  readonly ask: <K extends DiskRequest['kind']>(
    request: Extract<DiskRequest, { kind: K }>,
    onBatch?: OnBatch,
  ) => Promise<DiskAnswers[K]>
  /** Number of requests that are not answered yet. */
  readonly pending: () => number
  /** Ends the thread; requests under way reject with `ERR_PYPI_CLOSED`. */
  readonly close: () => Promise<void>
}

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
  readonly onBatch: OnBatch | undefined
}

/** What a thread is asked. */
export type ThreadQuestion =
  | { readonly id: number; readonly request: DiskRequest }
  /** One batch was taken in: the next one may follow. */
  | { readonly taken: number }

/** What a thread answers. */
export interface ThreadAnswer {
  readonly id: number
  readonly value?: unknown
  readonly batch?: DirectoryBatch
  readonly error?: { readonly code?: string | undefined; readonly message: string }
}

/** A thread that starts with the first request, again after it died, and never keeps the process alive while idle. */
export function createThread(entry: URL): Thread {
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

  function send(question: ThreadQuestion): void {
    worker?.postMessage(question)
  }

  function receive({ id, value, batch, error }: ThreadAnswer): void {
    const caller = waiting.get(id)
    if (batch !== undefined) {
      // In another turn of the loop: as long as messages come, a port delivers up to a thousand in one.
      const goOn = (): void => void setImmediate(() => send({ taken: id }))
      let taking: unknown
      try {
        taking = caller?.onBatch?.(batch)
      } finally {
        if (isPromise(taking)) taking.then(goOn, goOn)
        else goOn()
      }
      return
    }
    waiting.delete(id)
    if (waiting.size === 0 && !isClosed) worker?.unref()
    if (error === undefined) caller?.resolve(value as never)
    else caller?.reject(Object.assign(new Error(error.message), { code: error.code }))
  }

  function lose(lost: Worker, error: Error): void {
    if (lost !== worker) return
    worker = undefined
    for (const { reject } of waiting.values()) reject(error)
    waiting.clear()
  }

  return {
    ask: (request, onBatch) => {
      worker ??= start()
      lastId += 1
      const id = lastId
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve: resolve as Waiting['resolve'], reject, onBatch })
        worker?.ref()
        send({ id, request })
      })
    },
    pending: () => waiting.size,
    close: async () => {
      isClosed = true
      // Nothing else may be left to keep the process alive until the thread has ended.
      worker?.ref()
      await worker?.terminate()
    },
  }
}
