import { PypiServerError } from '../errors.js'

/** How slowly a body may come. A steady one may take long. */
export interface Pace {
  /** Milliseconds without a byte. */
  readonly maxIdleMs: number
  /** On average, once `maxIdleMs` are over. */
  readonly minBytesPerSecond: number
  /** Milliseconds from the first look to the end. */
  readonly maxMs: number
}

/** Holds one body against a pace. */
export interface PaceWatch {
  readonly received: (bytes: number) => void
  /** While nobody reads, nobody can send. */
  readonly paused: () => void
  readonly resumed: () => void
  readonly stop: () => void
}

/**
 * Tells `onSlow` once, with ERR_PYPI_TOO_SLOW, when a body is slower than its pace. `clock` tells milliseconds that never
 * run backwards.
 */
export function watchPace(
  { maxIdleMs, minBytesPerSecond, maxMs }: Pace,
  onSlow: (error: PypiServerError) => void,
  clock: { now(): number } = performance,
): PaceWatch {
  const startedMs = clock.now()
  let lastMs = startedMs
  let pausedMs = 0
  let isPaused = false
  let bytes = 0

  function slowness(): string | undefined {
    const nowMs = clock.now()
    if (nowMs - startedMs > maxMs) return `takes longer than ${maxMs} ms`
    if (isPaused) return undefined
    if (nowMs - lastMs > maxIdleMs) return `has stood still for ${maxIdleMs} ms`
    const readingMs = nowMs - startedMs - pausedMs
    const isTooFew = bytes < (readingMs / 1000) * minBytesPerSecond
    return readingMs > maxIdleMs && isTooFew ? `comes with less than ${minBytesPerSecond} bytes a second` : undefined
  }

  const timer = setInterval(
    () => {
      const reason = slowness()
      if (reason === undefined) return
      clearInterval(timer)
      onSlow(new PypiServerError('ERR_PYPI_TOO_SLOW', `the body ${reason}`))
    },
    Math.min(1000, Math.max(10, Math.min(maxIdleMs, maxMs) / 4)),
  ).unref()

  return {
    received: (count) => {
      bytes += count
      lastMs = clock.now()
    },
    paused: () => {
      isPaused = true
      lastMs = clock.now()
    },
    resumed: () => {
      if (!isPaused) return
      isPaused = false
      pausedMs += clock.now() - lastMs
      lastMs = clock.now()
    },
    stop: () => clearInterval(timer),
  }
}
