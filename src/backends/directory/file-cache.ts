import { statSync } from 'node:fs'
import { LRUCache } from 'lru-cache'
import { createLocalFiles } from '../../util/local-files.js'
import type { Descriptor } from './descriptor.js'
import { type FileState, fileState } from './layout.js'

/** A regular file as it was found. */
export interface FoundFile extends FileState {
  /** The file system's number. */
  readonly device: bigint
}

/** What is kept of a file: all its bytes, or its open descriptor. */
export type KeptFile = { readonly found: FoundFile } & (
  | { readonly bytes: Uint8Array }
  | { readonly descriptor: Descriptor }
)

/**
 * Files that were served lately, so that serving them again takes no trip to the disk. Exact: nothing is given out
 * before the system has said that the very same file still stands at its path, unchanged to the nanosecond. Files that
 * cannot be told from others that way are not kept: those that changed within the last two seconds, and those of file
 * systems that answer out of a memory of their own (network file systems; everything but Linux).
 */
export interface FileCache {
  /** What is kept of the file at this path. A descriptor is the cache's: share it before the next `await`. */
  readonly get: (path: string) => KeptFile | undefined
  /** Takes bytes as they are; shares a descriptor. */
  readonly keep: (path: string, file: KeptFile) => void
  readonly close: () => void
}

/** Bounds of a {@link FileCache}. */
export interface FileCacheOptions {
  /** Bytes of small files kept in memory; 0 keeps none. */
  readonly maxBytes: number
  /** Descriptors kept open; 0 keeps none. */
  readonly maxDescriptors: number
}

/** Files up to this size are kept as bytes. */
export const smallFileBytes = 64 * 1024

// The coarsest clock of a file system that is kept (ext3) has whole seconds.
const settledMs = 2000
// An open file that was removed still takes its space, and keeps its disk from being unmounted.
const idleMs = 5000
// What an entry costs beside its bytes.
const entryBytes = 1024

/** A cache that holds nothing yet. */
export function createFileCache({ maxBytes, maxDescriptors }: FileCacheOptions): FileCache {
  const localFiles = createLocalFiles()
  const small =
    maxBytes === 0
      ? undefined
      : new LRUCache<string, KeptFile>({ maxSize: maxBytes, sizeCalculation: ({ found }) => found.size + entryBytes })
  const open = maxDescriptors === 0 ? undefined : createOpenFiles(maxDescriptors)

  return {
    get: (path) => {
      const kept = small?.get(path) ?? open?.get(path)
      if (kept === undefined || isStill(path, kept.found)) return kept
      small?.delete(path)
      open?.delete(path)
      return undefined
    },
    keep: (path, file) => {
      const ageMs = Date.now() - file.found.changedMs
      if (ageMs < settledMs || !localFiles.has(path, file.found.device)) return
      if ('bytes' in file) small?.set(path, file)
      else open?.keep(path, file)
    },
    close: () => {
      small?.clear()
      open?.close()
    },
  }
}

function isStill(path: string, { identity, device }: FoundFile): boolean {
  // Synchronous: a trip to the thread pool takes ten times as long, and what is asked here is in the kernel's memory.
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stat !== undefined && stat.dev === device && fileState(stat).identity === identity
}

interface OpenFiles {
  readonly get: (path: string) => KeptFile | undefined
  readonly delete: (path: string) => void
  readonly keep: (path: string, file: KeptFile & { readonly descriptor: Descriptor }) => void
  readonly close: () => void
}

/** The descriptors used last; one that nobody asked for between two looks at the clock is closed. */
function createOpenFiles(max: number): OpenFiles {
  const files = new LRUCache<string, KeptFile & { readonly descriptor: Descriptor }>({
    max,
    dispose: ({ descriptor }) => void descriptor.release().catch(() => {}),
  })
  let used = new Set<string>()
  let timer: NodeJS.Timeout | undefined

  function sweep(): void {
    for (const path of files.keys()) if (!used.has(path)) files.delete(path)
    used = new Set()
    if (files.size === 0) stop()
  }

  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }

  return {
    get: (path) => {
      const file = files.get(path)
      if (file !== undefined) used.add(path)
      return file
    },
    delete: (path) => void files.delete(path),
    keep: (path, file) => {
      file.descriptor.share()
      files.set(path, file)
      used.add(path)
      timer ??= setInterval(sweep, idleMs).unref()
    },
    close: () => {
      files.clear()
      stop()
    },
  }
}
