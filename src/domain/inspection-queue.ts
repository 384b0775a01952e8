import { Worker } from 'node:worker_threads'
import type { InspectedArchive } from '../archive/inspection.js'
import { errorCode, PypiServerError } from '../errors.js'
import type { InspectionAnswer, InspectionRequest } from './inspect-file.js'

/** How long a file may take and how many may wait. */
export interface InspectionQueueOptions {
  readonly maxInspectionMs: number
  readonly maxInspectionsWaiting: number
  /** The thread's file. */
  readonly threadUrl: URL
}

/** Files that one thread looks into, one after the other. */
export interface InspectionQueue {
  /** What {@link InspectionRequest} asks for; `overrun` when that took too much time or memory to find out. */
  readonly ask: (request: InspectionRequest) => Promise<InspectedArchive | 'overrun'>
  readonly close: () => Promise<void>
}

interface Job {
  readonly request: InspectionRequest
  readonly resolve: (found: InspectedArchive | 'overrun') => void
  readonly reject: (error: unknown) => void
}

type Outcome = (job: Job) => void

// Of JavaScript values; the bytes of files are counted by the limits of archives.
const maxThreadMegabytes = 128
const longestTimerMs = 2 ** 31 - 1

/**
 * A queue whose thread starts with the first file and keeps the process alive only while it is at one. A file that takes
 * too long ends the thread, and the next one starts another.
 */
export function createInspectionQueue(options: InspectionQueueOptions): InspectionQueue {
  const waiting: Job[] = []
  let running: Job | undefined
  let thread: Worker | undefined
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  function runNext(): void {
    if (running !== undefined) return
    running = waiting.shift()
    if (running === undefined) {
      thread?.unref()
      return
    }
    try {
      thread ??= startThread(options.threadUrl, settleFor)
      thread.ref()
      timer = setTimeout(overrun, Math.min(options.maxInspectionMs, longestTimerMs)).unref()
      thread.postMessage(running.request)
    } catch (error) {
      settle((job) => job.reject(error))
    }
  }

  function settle(outcome: Outcome): void {
    clearTimeout(timer)
    const job = running
    running = undefined
    if (job !== undefined) outcome(job)
    runNext()
  }

  /** What the thread answered, or how it ended; threads that were given up are not heard any more. */
  function settleFor(from: Worker, outcome: Outcome, isEnd: 'end' | 'answer'): void {
    if (from !== thread) return
    if (isEnd === 'end') thread = undefined
    settle(outcome)
  }

  async function endThread(outcome: Outcome): Promise<void> {
    const ended = thread
    thread = undefined
    settle(outcome)
    await ended?.terminate()
  }

  function overrun(): void {
    void endThread((job) => job.resolve('overrun'))
  }

  return {
    ask: (request) => {
      if (isClosed) return Promise.reject(closed())
      if (running !== undefined && waiting.length >= options.maxInspectionsWaiting)
        return Promise.reject(overloaded(waiting.length))
      return new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject })
        runNext()
      })
    },
    close: async () => {
      isClosed = true
      for (const { reject } of waiting.splice(0)) reject(closed())
      await endThread((job) => job.reject(closed()))
    },
  }
}

function startThread(url: URL, tell: (from: Worker, outcome: Outcome, isEnd: 'end' | 'answer') => void): Worker {
  // Without the host's `execArgv`: its loaders and preloaded modules are none of this thread's business.
  const resourceLimits = { maxOldGenerationSizeMb: maxThreadMegabytes }
  const thread = new Worker(url, { name: 'pypi-server uploads', execArgv: [], resourceLimits })
  let cause: unknown
  thread.on('message', (answer: InspectionAnswer) => {
    tell(thread, (job) => ('found' in answer ? job.resolve(answer.found) : job.reject(asError(answer.error))), 'answer')
  })
  thread.on('error', (error) => {
    cause = error
  })
  thread.on('exit', (code) => {
    const isOutOfMemory = errorCode(cause) === 'ERR_WORKER_OUT_OF_MEMORY'
    tell(thread, (job) => (isOutOfMemory ? job.resolve('overrun') : job.reject(cause ?? unavailable(code))), 'end')
  })
  return thread
}

/** An error as the thread met it: messages do not carry classes. */
function asError({ code, message }: { readonly code: string | undefined; readonly message: string }): Error {
  if (code === 'ERR_PYPI_BAD_ARCHIVE') return new PypiServerError(code, message)
  return Object.assign(new Error(message), { code })
}

function unavailable(exitCode: number): PypiServerError {
  return new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', `the inspection thread ended with code ${exitCode}`)
}

function overloaded(count: number): PypiServerError {
  return new PypiServerError('ERR_PYPI_OVERLOADED', `${count} uploads are waiting to be looked into already`)
}

function closed(): PypiServerError {
  return new PypiServerError('ERR_PYPI_CLOSED', 'this index is closed')
}
