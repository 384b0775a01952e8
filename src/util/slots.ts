/** How many may work at a time, how many may wait for their turn, and for how long. */
export interface SlotsOptions {
  readonly running: number
  readonly waiting: number
  /** `Infinity` waits for ever. */
  readonly waitMs: number
  /** What those hear who find the queue full, or waited too long. */
  readonly refuse: () => Error
}

/** Turns to work, given in the order in which they were asked for. */
export interface Slots {
  /** Fulfils with what gives the turn back: call it once. Rejects when there is none to be had, or the signal aborts. */
  readonly take: (signal: AbortSignal) => Promise<() => void>
  /** Fulfils once nobody works and nobody waits. */
  readonly idle: () => Promise<void>
}

/** Longer timers would fire at once. */
const maxTimerMs = 2 ** 31 - 1

/** A bounded number of turns, and a bounded queue in front of them. */
export function createSlots({ running, waiting, waitMs, refuse }: SlotsOptions): Slots {
  const queue = new Set<() => void>()
  const watchers: (() => void)[] = []
  let taken = 0

  function giveBack(): void {
    const [next] = queue
    if (next === undefined) taken -= 1
    else next()
    if (taken === 0) for (const tell of watchers.splice(0)) tell()
  }

  function wait(signal: AbortSignal): Promise<void> {
    return new Promise((fulfil, reject) => {
      const leave = (settle: () => void) => (): void => {
        queue.delete(next)
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
        settle()
      }
      const next = leave(fulfil)
      const abort = leave(() => reject(signal.reason))
      const timer = setTimeout(
        leave(() => reject(refuse())),
        Math.min(waitMs, maxTimerMs),
      ).unref()
      signal.addEventListener('abort', abort)
      queue.add(next)
    })
  }

  async function take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (taken < running) taken += 1
    else if (queue.size < waiting) await wait(signal)
    else throw refuse()
    return giveBack
  }

  const idle = (): Promise<void> => new Promise((fulfil) => (taken === 0 ? fulfil() : watchers.push(fulfil)))

  return { take, idle }
}
