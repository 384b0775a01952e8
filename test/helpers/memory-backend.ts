import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import {
  type Backend,
  type Change,
  type DistributionFile,
  describeCandidate,
  type FilePart,
  type NormalizedName,
  openBytes,
  type Project,
  PypiServerError,
} from 'pypi-server'

interface Entry {
  readonly file: DistributionFile
  readonly parts: Readonly<Record<FilePart, Uint8Array | undefined>>
}

interface Shelf {
  readonly entries: ReadonlyMap<string, Entry>
  readonly status?: NonNullable<Project['status']>
  readonly serial: number
  readonly changedMs: number
}

/** What is stored: it can outlive a backend, and a second backend can be opened on it. */
export type Shelves = Map<NormalizedName, Shelf>

/** Everything that a backend can do, but for a place of its own where uploads are spooled. */
export type MemoryBackend = Required<
  Omit<Backend, 'spoolDirectory' | 'audit' | 'projectAtHand' | 'fileAtHand' | 'localFile'>
>

/** A backend that keeps everything in memory. */
export function memoryBackend(shelves: Shelves = new Map()): MemoryBackend {
  const listeners = new Set<(change: Change) => void>()
  let serial = Math.max(1, ...[...shelves.values()].map((shelf) => shelf.serial))
  let isClosed = false

  function begin(signal?: AbortSignal): void {
    if (isClosed) throw new PypiServerError('ERR_PYPI_CLOSED', 'the memory backend is closed')
    signal?.throwIfAborted()
  }

  /** A project without files is one that was removed: only mirrors hear of it. */
  function shelfOf(project: NormalizedName): Shelf | undefined {
    const shelf = shelves.get(project)
    return shelf?.entries.size === 0 ? undefined : shelf
  }

  function entryOf({ project, filename }: DistributionFile): Entry | undefined {
    return shelfOf(project)?.entries.get(filename)
  }

  /** The one place where something changes: without an await, so that nobody sees half a change. */
  function put(project: NormalizedName, change: { filename?: string; entry?: Entry; status?: Shelf['status'] }): void {
    const shelf = shelves.get(project)
    const entries = new Map(shelf?.entries)
    if (change.filename !== undefined) entries.delete(change.filename)
    if (change.entry !== undefined) entries.set(change.entry.file.filename, change.entry)
    const status = change.status ?? shelf?.status
    serial += 1
    // Deleted first, so that the shelves stand in the order of their last changes.
    shelves.delete(project)
    shelves.set(project, { entries, serial, changedMs: Date.now(), ...(entries.size > 0 && status && { status }) })
    for (const listener of listeners) listener({ projects: new Set([project]) })
  }

  return {
    name: 'memory',
    listProjects: async function* ({ signal } = {}) {
      begin(signal)
      const names = [...shelves.keys()].filter(shelfOf)
      for (let start = 0; start < names.length; start += 1000) {
        yield names.slice(start, start + 1000).map((name) => ({ name, serial: shelves.get(name)?.serial ?? serial }))
      }
    },
    listRevision: async ({ signal } = {}) => {
      begin(signal)
      return String(serial)
    },
    getProject: async (name, { signal } = {}) => {
      begin(signal)
      const shelf = shelfOf(name)
      if (shelf === undefined) return undefined
      const files = [...shelf.entries.values()].map(({ file }) => file)
      const contents = { files, serial: shelf.serial, ...(shelf.status && { status: shelf.status }) }
      return { name, revision: sha256(JSON.stringify(contents)), ...contents }
    },
    openFile: async (file, options = {}) => {
      begin(options.signal)
      const entry = entryOf(file)
      // What nobody verified must not pass for verified, whichever record the caller still holds.
      if (options.part === 'provenance' && entry?.file.provenance !== file.provenance) return undefined
      const bytes = entry?.parts[options.part ?? 'content']
      return entry && bytes && openBytes(bytes, { modifiedMs: entry.file.uploadTimeMs }, options)
    },
    findFile: async (path, { signal } = {}) => {
      begin(signal)
      const [project = '', filename = '', ...rest] = path.split('/')
      const shelf = shelfOf(project as NormalizedName)
      if (rest.length > 0 || shelf?.status?.status === 'quarantined') return undefined
      return shelf?.entries.get(filename)?.file
    },
    publish: async (candidate, { overwrite = false, signal } = {}) => {
      begin(signal)
      const content = await readFile(candidate.spooledPath)
      begin(signal)
      const { project, filename, metadata, signature, provenance } = candidate
      const file = describeCandidate(candidate)
      if (entryOf(file) && !overwrite) throw new PypiServerError('ERR_PYPI_FILE_EXISTS', `${filename} exists`)
      const others = { metadata: metadata?.bytes, signature, provenance: provenance?.bytes }
      put(project, { entry: { file, parts: { content, ...others } } })
      return file
    },
    remove: async (file, { signal } = {}) => {
      begin(signal)
      const wasThere = entryOf(file) !== undefined
      if (wasThere) put(file.project, { filename: file.filename })
      return wasThere
    },
    setYanked: async (file, yanked, { signal } = {}) => {
      begin(signal)
      const entry = entryOf(file)
      if (entry === undefined) return false
      const { yanked: _, ...rest } = entry.file
      put(file.project, { entry: { ...entry, file: { ...rest, ...(yanked && { yanked }) } } })
      return true
    },
    setStatus: async (project, status, { signal } = {}) => {
      begin(signal)
      const isThere = shelfOf(project) !== undefined
      if (isThere) put(project, { status })
      return isThere
    },
    getStatus: async (project, { signal } = {}) => {
      begin(signal)
      return shelfOf(project)?.status
    },
    freeProject: async (project) => {
      begin()
      if (shelfOf(project) === undefined) return false
      throw new PypiServerError('ERR_PYPI_FORBIDDEN', `${project} has files`)
    },
    watch: async (listener, { signal }) => {
      begin()
      if (signal.aborted) return
      listeners.add(listener)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      listeners.delete(listener)
    },
    lastSerial: async ({ signal } = {}) => {
      begin(signal)
      return serial
    },
    changesSince: async (since, { limit = 50_000, signal } = {}) => {
      begin(signal)
      const changed = [...shelves].filter(([, shelf]) => shelf.serial > since).slice(0, limit)
      return changed.map(([project, { entries, serial, changedMs: timeMs }]) => {
        return { project, serial, timeMs, action: entries.size === 0 ? 'remove project' : 'update' }
      })
    },
    check: async ({ signal } = {}) => begin(signal),
    close: async () => {
      isClosed = true
    },
  }
}

function sha256(data: string): string {
  return createHash('sha256').update(data).digest('hex')
}
