import { setTimeout as delay } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import { followDigests } from '../../digests/digest-tail.js'
import type { Catalogue, CatalogueFile, Inspection } from './catalogue.js'

/** What other processes find out about the same files, as they write it down. */
export interface Others {
  /** Begins with what they have written so far, once it is known which files there are. */
  readonly start: () => void
  /** Takes in what they wrote since the last time. */
  readonly catchUp: () => Promise<void>
  /** What they wrote of a file that was not in the catalogue then. */
  readonly recall: (key: string, identity: string) => Inspection | undefined
  /** The file once they have written of it; `undefined` when they do not within half a second. */
  readonly wait: (file: CatalogueFile) => Promise<CatalogueFile | undefined>
  readonly close: () => Promise<void>
}

/** Whom to follow, and who is told. */
export interface OthersOptions {
  /** Of the digest cache that they write to. */
  readonly path: string
  readonly catalogue: Catalogue
  /** Digest names; what has not all of them is passed over. */
  readonly algorithms: readonly string[]
  /** Hears of every file about which more is known. */
  readonly onChange: (file: CatalogueFile) => void
}

const pollMs = 500
const waitMs = 500
const waitStepMs = 100
/** Files that come while their digests are known already, a few hundred bytes each. */
const mostEarly = 1000

/** Follows them from `start` until `close`. */
export function followOthers({ path, catalogue, algorithms, onChange }: OthersOptions): Others {
  const early = new LRUCache<string, { readonly identity: string; readonly inspection: Inspection }>({ max: mostEarly })
  const isDigested = ({ hashes }: Inspection): boolean => algorithms.every((name) => hashes?.[name] !== undefined)

  function take(key: string, identity: string, inspection: Inspection): void {
    if (!isDigested(inspection)) return
    const slash = key.indexOf('/')
    const at = { root: Number(key.slice(0, slash)), path: key.slice(slash + 1), state: { identity } }
    const known = catalogue.current(at)
    if (known === undefined) early.set(key, { identity, inspection })
    else if (known.inspection?.hashes === undefined) {
      const noted = catalogue.note(known, { inspection, problem: null })
      if (noted !== undefined) onChange(noted)
    }
  }

  const tail = followDigests<Inspection>(path, take)
  let timer: NodeJS.Timeout | undefined
  const catchUp = async (): Promise<void> => {
    if (timer !== undefined) await tail.read()
  }
  return {
    start: () => {
      timer = setInterval(() => void tail.read(), pollMs).unref()
    },
    catchUp,
    recall: (key, identity) => {
      const entry = early.get(key)
      return entry?.identity === identity ? entry.inspection : undefined
    },
    wait: async (file) => {
      for (const endMs = performance.now() + waitMs; performance.now() < endMs; ) {
        await catchUp()
        const current = catalogue.current(file)
        if (current === undefined || current.inspection?.hashes !== undefined) return current
        await delay(waitStepMs, undefined, { ref: false })
      }
      return undefined
    },
    close: async () => {
      clearInterval(timer)
      timer = undefined
      await tail.close()
    },
  }
}
