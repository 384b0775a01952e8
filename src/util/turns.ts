/** Shares the turns of the event loop out to work that comes in pieces, so that what is quick never waits for all of it. */
export interface Turns {
  /** Waits until a turn has room for a piece of this size; `undefined` when this one has. First come, first served. */
  readonly room: (size: number) => Promise<void> | undefined
}

interface Waiting {
  readonly size: number
  readonly begin: () => void
}

/** Turns in which pieces begin until their sizes add up to `perTurn`. */
export function createTurns(perTurn: number): Turns {
  const waiting: Waiting[] = []
  let left = perTurn
  let isScheduled = false

  function begin(size: number): void {
    left -= size
    if (isScheduled) return
    isScheduled = true
    setImmediate(nextTurn)
  }

  function nextTurn(): void {
    isScheduled = false
    left = perTurn
    while (left > 0) {
      const next = waiting.shift()
      if (next === undefined) return
      begin(next.size)
      next.begin()
    }
  }

  return {
    room: (size) => {
      if (left > 0 && waiting.length === 0) return void begin(size)
      return new Promise((resolve) => waiting.push({ size, begin: resolve }))
    },
  }
}
