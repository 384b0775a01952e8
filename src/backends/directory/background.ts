import type { DistributionKind } from '../../archive/distribution-metadata.js'
import type { Catalogue, CatalogueFile } from './catalogue.js'
import type { Disk } from './disk.js'
import type { InspectedFile } from './disk-protocol.js'
import { absolutePath } from './layout.js'

/** Reads files that nobody asked for yet, a batch at a time. */
export interface Background {
  /** Remembers the file of this id; the last one goes first. */
  readonly add: (id: number) => void
  /** As `add`, but after all others. */
  readonly resume: (id: number) => void
  /** Waits while somebody waits for work on other files. */
  readonly whileAsked: <T>(work: () => Promise<T>) => Promise<T>
  readonly close: () => void
}

/** What the background works on and whom it tells. */
export interface BackgroundOptions {
  /** Absolute paths. */
  readonly roots: readonly string[]
  readonly algorithms: readonly string[]
  readonly catalogue: Catalogue
  readonly disk: Disk
  /** Without, there is nothing to do here: others read what nobody asks for. */
  readonly readAhead: boolean
  /** Reads one file that is too large for a batch. */
  readonly read: (file: CatalogueFile) => Promise<unknown>
  /** Hears what was found out about a file. */
  readonly learn: (file: CatalogueFile, found: InspectedFile) => void
}

const batchesAtOnce = 2
const filesPerBatch = 64
const bytesPerBatch = 4 * 1024 * 1024
const recentMs = 7 * 24 * 60 * 60 * 1000

/** Nothing to read yet. */
export function createBackground(options: BackgroundOptions): Background {
  const { roots, algorithms, catalogue, disk, readAhead, read, learn } = options
  // Numbers and not files: there may be a million.
  const recent: number[] = []
  const old: number[] = []
  let running = 0
  let asked = 0
  let isDue = false
  let isClosed = false

  function nextBatch(): readonly CatalogueFile[] {
    const batch: CatalogueFile[] = []
    for (let bytes = 0; batch.length < filesPerBatch && bytes < bytesPerBatch; ) {
      const id = recent.pop() ?? old.pop()
      if (id === undefined) break
      const file = catalogue.byId(id)
      if (file === undefined || file.inspection?.hashes !== undefined || file.problem !== undefined) continue
      batch.push(file)
      bytes += file.state.size
    }
    return batch
  }

  async function readBatch(batch: readonly CatalogueFile[]): Promise<void> {
    const small = batch.filter(({ state }) => state.size < bytesPerBatch)
    const files = small.map((file) => readingOf(roots, file))
    const found = files.length === 0 ? [] : await disk.ask({ kind: 'inspect', files, algorithms })
    for (const [at, file] of small.entries()) learn(file, found[at] as InspectedFile)
    for (const file of batch) if (file.state.size >= bytesPerBatch) await read(file)
  }

  async function run(): Promise<void> {
    running += 1
    while (!isClosed && asked === 0) {
      const batch = nextBatch()
      if (batch.length === 0) break
      await readBatch(batch)
    }
    running -= 1
  }

  function start(): void {
    isDue = false
    // Without a thread there is nothing to be found out; the next start goes on with what is left.
    while (!isClosed && asked === 0 && running < batchesAtOnce && recent.length + old.length > 0) {
      void run().catch(() => {
        running -= 1
      })
    }
  }

  function put(list: number[], id: number): void {
    if (!readAhead) return
    list.push(id)
    if (isDue || running === batchesAtOnce) return
    isDue = true
    setImmediate(start)
  }

  return {
    add: (id) => put(catalogue.timesOf(id).modifiedMs > Date.now() - recentMs ? recent : old, id),
    resume: (id) => put(old, id),
    whileAsked: async (work) => {
      asked += 1
      try {
        return await work()
      } finally {
        asked -= 1
        start()
      }
    },
    close: () => {
      isClosed = true
    },
  }
}

/** How the thread that reads is told of a file. */
export function readingOf(
  roots: readonly string[],
  { root, path, filename, format: kind, project: name, version }: CatalogueFile,
): { readonly path: string; readonly parsed: DistributionKind } {
  return { path: absolutePath({ roots }, { root, path }), parsed: { filename, kind, name, version } }
}
