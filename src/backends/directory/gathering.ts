import pLimit from 'p-limit'
import { readingOf } from './background.js'
import type { CatalogueFile } from './catalogue.js'
import type { Disk } from './disk.js'
import type { InspectedFile } from './disk-protocol.js'

/** Reads small files that somebody waits for: those that are asked for at about the same time in one go. */
export interface Gathering {
  /** What stands in the file; rejects when the thread that reads is lost. */
  readonly inspect: (file: CatalogueFile) => Promise<InspectedFile>
}

/** What is read, and where. */
export interface GatheringOptions {
  /** Absolute paths. */
  readonly roots: readonly string[]
  readonly algorithms: readonly string[]
  readonly disk: Disk
}

/** Files up to this size, in bytes, are small. */
export const smallFileBytes = 256 * 1024

// Few enough that the threads share the files of one page, and that taking one answer in is short.
const filesPerBatch = 32
const bytesPerBatch = 1024 * 1024
const batchesAtOnce = 4

interface Waiting {
  readonly file: CatalogueFile
  readonly resolve: (found: InspectedFile) => void
  readonly reject: (error: unknown) => void
}

/** Nobody waits for anything yet. */
export function createGathering({ roots, algorithms, disk }: GatheringOptions): Gathering {
  const limit = pLimit(batchesAtOnce)
  let waiting: Waiting[] = []

  async function read(batch: readonly Waiting[]): Promise<void> {
    try {
      const files = batch.map(({ file }) => readingOf(roots, file))
      const found = await disk.ask({ kind: 'inspect', files, algorithms })
      for (const [at, { resolve }] of batch.entries()) resolve(found[at] as InspectedFile)
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  function flush(): void {
    const all = waiting
    waiting = []
    for (const batch of batchesOf(all)) void limit(read, batch)
  }

  return {
    inspect: (file) =>
      new Promise((resolve, reject) => {
        if (waiting.push({ file, resolve, reject }) === 1) setImmediate(flush)
      }),
  }
}

function* batchesOf(all: readonly Waiting[]): Generator<readonly Waiting[]> {
  let batch: Waiting[] = []
  let bytes = 0
  for (const each of all) {
    batch.push(each)
    bytes += each.file.state.size
    if (batch.length < filesPerBatch && bytes < bytesPerBatch) continue
    yield batch
    batch = []
    bytes = 0
  }
  if (batch.length > 0) yield batch
}
