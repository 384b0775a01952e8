/**
 * What was found out in this turn of the event loop, for all who ask in it: requests that a turn answers were sent before
 * it began, so that what was true meanwhile is true for each of them.
 */
export interface TurnMemory<T> {
  readonly get: (key: string) => T | undefined
  readonly set: (key: string, value: T) => void
}

// Timers run in the turn of the requests that come after them, and a turn may be long.
const maxMs = 1

/** Remembers until the turn ends, or a millisecond has passed, whatever comes first. */
export function turnMemory<T>(): TurnMemory<T> {
  const known = new Map<string, { readonly value: T; readonly sinceMs: number }>()
  return {
    get: (key) => {
      const found = known.get(key)
      return found === undefined || performance.now() - found.sinceMs > maxMs ? undefined : found.value
    },
    set: (key, value) => {
      if (known.size === 0) setImmediate(() => known.clear())
      known.set(key, { value, sinceMs: performance.now() })
    },
  }
}
