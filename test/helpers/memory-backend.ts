import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import {
  type Backend,
  type Change,
  type DistributionFile,
  type FilePart,
  type NormalizedName,
  type OpenedFile,
  type OpenFileOptions,
  type Project,
  PypiServerError,
  type RequestedRange,
} from 'pypi-server'

interface Entry {
  readonly file: DistributionFile
  readonly parts: Partial<Record<FilePart, Uint8Array>>
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
export type MemoryBackend = Required<Omit<Backend, 'spoolDirectory' | 'audit' | 'projectAtHand' | 'fileAtHand'>>

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
      const bytes = entry?.parts[options.part ?? 'content']
      return entry && bytes && openBytes(bytes, entry.file.uploadTimeMs, options)
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
      const { project, filename, version, size, hashes, requiresPython, metadata, signature, provenance } = candidate
      const file: DistributionFile = {
        project,
        filename,
        version,
        size,
        hashes,
        path: `${project}/${filename}`,
        uploadTimeMs: Date.now(),
        ...(requiresPython !== undefined && { requiresPython }),
        ...(metadata && { coreMetadata: { sha256: metadata.sha256 } }),
        ...(signature && { hasSignature: true }),
        ...(provenance && { provenance: provenance.verification }),
      }
      if (entryOf(file) && !overwrite) throw new PypiServerError('ERR_PYPI_FILE_EXISTS', `${filename} exists`)
      const parts = {
        content,
        ...(metadata && { metadata: metadata.bytes }),
        ...(signature && { signature }),
        ...(provenance && { provenance: provenance.bytes }),
      }
      put(project, { entry: { file, parts } })
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

function openBytes(
  bytes: Uint8Array,
  modifiedMs: number,
  { range, ifRange, describeOnly }: OpenFileOptions,
): OpenedFile {
  const whole = { size: bytes.length, etag: sha256(bytes), modifiedMs }
  if (range === undefined || (ifRange !== undefined && !isCurrent(ifRange, whole))) {
    return describeOnly ? whole : { ...whole, body: bytes }
  }
  const resolved = resolveRange(range, bytes.length)
  const opened = { ...whole, range: resolved }
  return describeOnly ? opened : { ...opened, body: bytes.subarray(resolved.start, resolved.end + 1) }
}

/** A quoted validator that is equal, or a date that is the modification time in whole seconds (RFC 9110 13.1.5). */
function isCurrent(ifRange: string, { etag, modifiedMs }: { etag: string; modifiedMs: number }): boolean {
  return ifRange === `"${etag}"` || Date.parse(ifRange) === Math.floor(modifiedMs / 1000) * 1000
}

function resolveRange(range: RequestedRange, size: number): { start: number; end: number } {
  const start = 'suffix' in range ? Math.max(0, size - range.suffix) : range.start
  const end = 'suffix' in range ? size - 1 : Math.min(range.end ?? size - 1, size - 1)
  if (start < size) return { start, end }
  throw new PypiServerError('ERR_PYPI_RANGE_NOT_SATISFIABLE', `the file has ${size} bytes`)
}

function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}
