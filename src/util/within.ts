import { setTimeout } from 'node:timers/promises'

/** Waits for work to end, but no longer than `limitMs`; the work itself goes on. Rejects as the work does. */
export async function within(work: Promise<unknown>, limitMs: number): Promise<void> {
  const timer = new AbortController()
  const limit = setTimeout(limitMs, undefined, { ref: false, signal: timer.signal }).catch(() => {})
  await Promise.race([work, limit]).finally(() => timer.abort())
}
