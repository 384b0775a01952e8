import { Worker } from 'node:worker_threads'
import { errorMessage, PypiServerError } from '../errors.js'
import type { VerificationRequest } from './password-thread.js'

/** Numbers for metrics, of one verifier since it was made. */
export interface PasswordStatistics {
  /** Verifications that were answered. */
  readonly verified: number
  /** Verifications that wait for the one which is running. */
  readonly waiting: number
}

/** Verifies passwords off the event loop, one at a time, in order of arrival. */
export interface PasswordVerifier {
  /**
   * Whether the password is the stored one; see `verifyPassword`.
   *
   * @throws ERR_PYPI_OVERLOADED when the queue is full, ERR_PYPI_AUTH_UNAVAILABLE when the thread died meanwhile (the
   * next call starts another), ERR_PYPI_CLOSED after or during `close`.
   */
  verify(password: string, stored: string): Promise<boolean>
  /** How busy it is, for metrics. */
  statistics(): PasswordStatistics
  /** Ends the thread, even in the middle of a verification. Idempotent. */
  close(): Promise<void>
}

/** Options of {@link passwordWorker}. */
export interface PasswordWorkerOptions {
  /** Verifications that may wait. @default 256 */
  readonly maxWaiting?: number
  /** The thread's file, for hosts that bundle the library. @default `password-thread.js` beside this file */
  readonly threadUrl?: URL
}

interface Job extends VerificationRequest {
  readonly resolve: (matches: boolean) => void
  readonly reject: (error: PypiServerError) => void
}

/**
 * A verifier with one worker thread, which starts with the first verification and keeps the process alive only while
 * there is something to verify. One thread rather than the pool of libuv: that one also serves the file system.
 */
export function passwordWorker(options: PasswordWorkerOptions = {}): PasswordVerifier {
  const { maxWaiting = 256, threadUrl = new URL('./password-thread.js', import.meta.url) } = options
  const waiting: Job[] = []
  let running: Job | undefined
  let thread: Worker | undefined
  let verified = 0
  let closed = false

  function restartLater(cause: unknown): void {
    thread = undefined
    abandon(unavailable(cause))
  }

  function settle(matches: unknown): void {
    verified += 1
    running?.resolve(matches === true)
    running = undefined
    runNext()
  }

  function runNext(): void {
    if (running !== undefined) return
    running = waiting.shift()
    if (running === undefined) {
      thread?.unref()
      return
    }
    try {
      thread ??= startThread(threadUrl, settle, restartLater)
      thread.ref()
      thread.postMessage({ password: running.password, stored: running.stored } satisfies VerificationRequest)
    } catch (error) {
      abandon(unavailable(error))
    }
  }

  function abandon(error: PypiServerError): void {
    const jobs = [running, ...waiting.splice(0)]
    running = undefined
    for (const job of jobs) job?.reject(error)
  }

  async function verify(password: string, stored: string): Promise<boolean> {
    if (closed) throw closedError()
    if (running !== undefined && waiting.length >= maxWaiting) throw overloaded(maxWaiting)
    return new Promise((resolve, reject) => {
      waiting.push({ password, stored, resolve, reject })
      runNext()
    })
  }

  async function close(): Promise<void> {
    closed = true
    abandon(closedError())
    await thread?.terminate()
  }

  return { verify, statistics: () => ({ verified, waiting: waiting.length }), close }
}

function startThread(url: URL, onAnswer: (answer: unknown) => void, onEnd: (cause: unknown) => void): Worker {
  // Without the host's `execArgv`: its loaders and preloaded modules are none of this thread's business.
  const thread = new Worker(url, { name: 'pypi-server passwords', execArgv: [] })
  let cause: unknown
  thread.on('message', onAnswer)
  thread.on('error', (error) => {
    cause = error
  })
  thread.on('exit', (code) => onEnd(cause ?? new Error(`exit code ${code}`)))
  return thread
}

function unavailable(cause: unknown): PypiServerError {
  const message = `the password thread ended: ${errorMessage(cause)}`
  return new PypiServerError('ERR_PYPI_AUTH_UNAVAILABLE', message, { cause })
}

function overloaded(maxWaiting: number): PypiServerError {
  return new PypiServerError('ERR_PYPI_OVERLOADED', `${maxWaiting} logins are waiting already`)
}

function closedError(): PypiServerError {
  return new PypiServerError('ERR_PYPI_CLOSED', 'the password verifier is closed')
}
