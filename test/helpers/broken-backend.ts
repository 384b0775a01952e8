import type { Backend } from 'pypi-server'
import type { MemoryBackend, Shelves } from './memory-backend.js'

/** One defect, and the cases that have to notice it. */
export interface BrokenBackend {
  readonly defect: string
  /** Ids, all of them. */
  readonly fails: readonly string[]
  /** The methods that behave differently. */
  readonly change: (
    inner: MemoryBackend,
    place: { readonly shelves: Shelves; readonly directory: string },
  ) => Partial<Backend>
}
