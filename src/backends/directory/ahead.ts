import type { NormalizedName } from '../../backend.js'
import { within } from '../../util/within.js'

/** Finds single projects while the names of all files are read, so that who asks for one does not wait for those of others. */
export interface Ahead<T> {
  /** From now on projects can be looked for, with these parts of the backend. */
  readonly begin: (parts: T) => void
  /** From now on all names are known, and nothing is looked for any more. */
  readonly end: () => void
  /** The parts, once every file name of this project is known; `undefined` once all names are. Rejects as `look` does. */
  readonly find: (name: NormalizedName) => Promise<T | undefined>
  /** Works while the reading of names waits, which it does in the first two seconds. */
  readonly whileAsked: <R>(work: () => Promise<R>) => Promise<R>
  /** What the reading of names has to wait for. */
  readonly asked: () => Promise<unknown> | undefined
}

const mostHeldMs = 2000

/** `look` finds all files of these projects; those that are asked for meanwhile are looked for next, in one go. */
export function createAhead<T>(look: (names: readonly NormalizedName[]) => Promise<void>): Ahead<T> {
  let settle: (parts: T | undefined) => void = () => {}
  const begun = new Promise<T | undefined>((resolve) => {
    settle = resolve
  })
  let isBegun = false
  let isOver = false
  let heldUntilMs = 0
  const works = new Set<Promise<unknown>>()
  let last: Promise<unknown> = begun
  let next: { readonly names: Set<NormalizedName>; readonly found: Promise<void> } | undefined

  function queue(): NonNullable<typeof next> {
    const names = new Set<NormalizedName>()
    const found = last.then(async () => {
      next = undefined
      if (!isOver) await look([...names])
    })
    last = found.catch(() => {})
    return { names, found }
  }

  return {
    begin: (parts) => {
      if (!isBegun) heldUntilMs = performance.now() + mostHeldMs
      isBegun = true
      settle(parts)
    },
    end: () => {
      isOver = true
      settle(undefined)
    },
    find: async (name) => {
      if (isOver) return undefined
      next ??= queue()
      next.names.add(name)
      await next.found
      return isOver ? undefined : await begun
    },
    whileAsked: async (work) => {
      const working = work()
      works.add(working)
      try {
        return await working
      } finally {
        works.delete(working)
      }
    },
    asked: () => {
      const leftMs = heldUntilMs - performance.now()
      return isBegun && works.size > 0 && leftMs > 0 ? within(Promise.allSettled(works), leftMs) : undefined
    },
  }
}
