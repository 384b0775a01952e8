import type { Readable } from 'node:stream'
import { PypiServerError } from '../errors.js'
import { type Pace, watchPace } from './body-pace.js'

/** A body on its way to a consumer. */
export interface BodyReader {
  /** Fulfils at the body's end; rejects when the client goes away, the signal aborts or the consumer throws. */
  readonly ended: Promise<void>
  /** Goes on after the consumer returned `false`. */
  resume(): void
  /** Lets go of the body: paused, not destroyed, so that an answer can still leave on its socket. Idempotent. */
  stop(): void
}

/** What {@link readBody} needs besides the body. */
export interface ReadBodyOptions {
  /** Aborts the reading; `ended` then rejects. */
  readonly signal?: AbortSignal | undefined
  /** How slowly it may come; slower, `ended` rejects with ERR_PYPI_TOO_SLOW. @default as it likes */
  readonly pace?: Pace | undefined
}

/**
 * Hands a body on chunk by chunk and pauses each time the consumer returns `false`. Unlike `pipeline` it never destroys
 * the body. `ended` rejects with `ERR_PYPI_ABORTED` unless a `PypiServerError` was the reason, which then stays itself.
 */
export function readBody(
  body: Readable,
  consume: (chunk: Buffer) => boolean,
  options: ReadBodyOptions = {},
): BodyReader {
  const { signal, pace } = options
  let isStopped = false
  let settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void }
  const ended = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject }
  })
  const watch = pace && watchPace(pace, (error) => settle.reject(error))
  const onData = (chunk: Uint8Array | string): void => {
    watch?.received(chunk.length)
    try {
      if (consume(Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk))) return
      watch?.paused()
      body.pause()
    } catch (error) {
      body.pause()
      settle.reject(error)
    }
  }
  const onEnd = (): void => settle.resolve()
  // `close` follows `end` too, but then the promise is settled and this changes nothing.
  const onLoss = (cause?: unknown): void => settle.reject(aborted(cause ?? body.errored))
  const onSignal = (): void => onLoss(signal?.reason)

  body.on('data', onData).on('end', onEnd).on('aborted', onLoss).on('close', onLoss).on('error', onLoss)
  signal?.addEventListener('abort', onSignal, { once: true })
  if (signal?.aborted) onSignal()
  else if (body.readableEnded) onEnd()
  else if (body.destroyed) onLoss()
  else body.resume()

  return {
    ended,
    resume: () => {
      if (isStopped) return
      watch?.resumed()
      body.resume()
    },
    stop: () => {
      isStopped = true
      watch?.stop()
      // `error` keeps its listener: one that comes once the outcome is known must not end the process.
      body.off('data', onData).off('end', onEnd).off('aborted', onLoss).off('close', onLoss).pause()
      signal?.removeEventListener('abort', onSignal)
    },
  }
}

function aborted(cause: unknown): PypiServerError {
  if (cause instanceof PypiServerError) return cause
  return new PypiServerError('ERR_PYPI_ABORTED', 'the request ended before its body was complete', { cause })
}
