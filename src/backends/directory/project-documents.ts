import { createHash } from 'node:crypto'
import { type BigIntStats, type FSWatcher, watch } from 'node:fs'
import { lstat, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { LRUCache } from 'lru-cache'
import type { NormalizedName, Project, Yank } from '../../backend.js'
import { discard, newSpoolName } from '../../digests/spool.js'
import { asStoreError, errorCode, errorMessage, PypiServerError, undefinedIf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import { maxNameLength } from '../../packaging/name.js'
import type { KeyedQueue } from '../../util/keyed-queue.js'
import { whileLocked } from '../../util/lock-file.js'
import { syncDirectory } from '../../util/sync-directory.js'
import { fileIdentity, locksFolder, projectsFolder } from './layout.js'
import { ensureSpoolFolder } from './publish.js'
import { ensureStateFolder } from './state-folder.js'

/** What the files of a project cannot say themselves; kept in one small JSON file a project. */
export interface ProjectDocument {
  readonly format: 1
  /** Somebody uploaded to this project here: its name is ours, also when all its files are gone. */
  readonly isUploaded?: true
  readonly status?: NonNullable<Project['status']>
  /** By the path of the file. */
  readonly yanked?: Readonly<Record<string, Yank>>
  /** Removed files by name in lower case, with the digest that the name stays bound to. */
  readonly removed?: Readonly<Record<string, string>>
}

/** Reads and changes project documents; other processes may do so at the same time. */
export interface ProjectDocuments {
  /**
   * As it was when it last was heard to change. Rejects with `ERR_PYPI_STORE_UNAVAILABLE` when the document is there and
   * cannot be understood.
   */
  readonly read: (name: NormalizedName) => Promise<ProjectDocument>
  /** As `read`, but as it is on the disk now, which takes one look where it is remembered. */
  readonly readNow: (name: NormalizedName) => Promise<ProjectDocument>
  /** Durable once it fulfils, with the document as it is then; rejects with what `edit` throws. */
  readonly change: (
    name: NormalizedName,
    edit: (document: ProjectDocument) => ProjectDocument,
  ) => Promise<ProjectDocument>
  readonly close: () => void
}

/** Where the documents are and who hears of changes. */
export interface ProjectDocumentsOptions {
  /** Absolute path. */
  readonly root: string
  readonly queue: KeyedQueue
  /** Puts the names in a folder on the disk. */
  readonly syncFolder: (folder: string) => Promise<void>
  readonly logger: Logger
  /** Hears of documents that changed, by whichever process. */
  readonly onChange: (name: NormalizedName) => void
}

interface Known {
  readonly document: ProjectDocument
  /** Of the file that it was read from; empty when a later change might have the same. */
  readonly identity: string
  /** Bytes, about. */
  readonly size: number
}

interface State extends ProjectDocumentsOptions {
  /** The least recently asked for go first. */
  readonly known: LRUCache<NormalizedName, Known>
  readonly loading: Map<NormalizedName, Promise<Known>>
  /** How often anything was forgotten: what was read before that may be outdated. */
  changes: number
  watcher: FSWatcher | undefined
  pollTimer: NodeJS.Timeout | undefined
  folderTime: string
  wasFolderThere: boolean
  /** The folders that lead to the documents are known to be on the disk. */
  isFolderSettled: boolean
}

const empty: ProjectDocument = { format: 1 }
const nothing: Known = { document: empty, identity: '', size: 0 }
const knownBytes = 16 * 1024 * 1024
// What a document takes besides its text.
const documentBytes = 256
// Clocks of file systems tick as slowly as this: what changed in the same tick has the same time.
const racyMs = 50
const pollMs = 1000

/** Documents below `.pypi-server/projects` of a root; watched from now on until `close`. */
export function openProjectDocuments(options: ProjectDocumentsOptions): ProjectDocuments {
  const state: State = {
    ...options,
    known: new LRUCache({ maxSize: knownBytes, sizeCalculation: ({ size }) => size + documentBytes }),
    loading: new Map(),
    changes: 0,
    watcher: undefined,
    pollTimer: undefined,
    folderTime: '',
    wasFolderThere: false,
    isFolderSettled: false,
  }
  state.pollTimer = setInterval(() => void poll(state), pollMs).unref()
  startWatching(state)
  return {
    read: (name) => read(state, name),
    readNow: async (name) => (await load(state, name)).document,
    change: (name, edit) =>
      options
        .queue(`document ${name}`, () => change(state, name, edit))
        .catch((error: unknown) => {
          throw asStoreError(error, `what is known of project ${name}`)
        }),
    close: () => {
      clearInterval(state.pollTimer)
      state.watcher?.close()
    },
  }
}

async function read(state: State, name: NormalizedName): Promise<ProjectDocument> {
  const known = state.known.get(name)
  if (known !== undefined) return known.document
  const underWay = state.loading.get(name)
  if (underWay !== undefined) return (await underWay).document
  const { changes } = state
  const loading = load(state, name)
  state.loading.set(name, loading)
  try {
    const found = await loading
    if (changes === state.changes) state.known.set(name, found)
    return found.document
  } finally {
    if (state.loading.get(name) === loading) state.loading.delete(name)
  }
}

async function load(state: State, name: NormalizedName): Promise<Known> {
  try {
    const read = (): Promise<Known | undefined> => readIfThere(state, name)
    // What is not there is not kept: anybody may ask for any name.
    return (await read()) ?? (await assertNotLost(state).then(read)) ?? nothing
  } catch (error) {
    const message = `cannot read what is known of project ${name}: ${errorMessage(error)}`
    throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', message, { cause: error })
  }
}

async function readIfThere(state: State, name: NormalizedName): Promise<Known | undefined> {
  const path = documentPath(state, name)
  const { changes } = state
  const found = await stat(path, { bigint: true }).catch(undefinedIf('ENOENT'))
  if (found === undefined) return undefined
  const identity = settledIdentity(found)
  const known = state.known.get(name)
  if (known !== undefined && identity !== '' && known.identity === identity) return known
  const text = await readFile(path, 'utf8').catch(undefinedIf('ENOENT'))
  if (text === undefined) return undefined
  const read = { document: checked(JSON.parse(text)), identity, size: text.length }
  if (changes === state.changes) state.known.set(name, read)
  return read
}

function settledIdentity(found: BigIntStats): string {
  return Date.now() - Number(found.ctimeNs / 1_000_000n) < racyMs ? '' : fileIdentity(found)
}

/**
 * No folder means that there are no documents; but one that was there before, or a link that leads nowhere, that they are
 * somewhere else: the directory is the mount point of a disk that is gone.
 */
async function assertNotLost(state: State): Promise<void> {
  const folder = projectsFolder(state.root)
  if ((await stat(folder).catch(undefinedIf('ENOENT'))) !== undefined) {
    state.wasFolderThere = true
    return
  }
  if (state.wasFolderThere) throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', `${folder} is there no more`)
  for (const path of [dirname(folder), folder]) {
    if ((await lstat(path).catch(undefinedIf('ENOENT'))) !== undefined) await stat(path)
  }
  await stat(state.root)
}

function checked(document: ProjectDocument): ProjectDocument {
  if (document?.format === 1) return document
  throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', 'the document is not of format 1')
}

async function change(
  state: State,
  name: NormalizedName,
  edit: (document: ProjectDocument) => ProjectDocument,
): Promise<ProjectDocument> {
  // Most uploads are to projects that are known already; the lock is for those who write.
  const { document: seen } = await load(state, name)
  if (isSame(edit(seen), seen)) return seen
  await ensureStateFolder(state.root, projectsFolder(state.root), 0o755)
  state.wasFolderThere = true
  const path = documentPath(state, name)
  const locks = await ensureStateFolder(state.root, locksFolder(state.root), 0o700)
  return await whileLocked(join(locks, basename(path)), async (assertHeld) => {
    const { document: before } = await load(state, name)
    const after = edit(before)
    if (isSame(after, before)) return before
    await write(state, path, { text: JSON.stringify(after, undefined, 1), assertHeld })
    forget(state, name)
    return after
  })
}

function isSame(one: ProjectDocument, other: ProjectDocument): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Whole or not at all, and on the disk when it fulfils. */
async function write(
  state: State,
  path: string,
  { text, assertHeld }: { readonly text: string; readonly assertHeld: () => Promise<void> },
): Promise<void> {
  const { root } = state
  // Among the uploads, where the next start removes what a killed process left.
  const temporary = join(await ensureSpoolFolder(root), newSpoolName())
  try {
    await writeFile(temporary, text, { flag: 'wx', mode: 0o644, flush: true })
    await assertHeld()
    await rename(temporary, path)
  } catch (error) {
    await discard(temporary)
    throw error
  }
  const folder = dirname(path)
  await state.syncFolder(folder)
  if (state.isFolderSettled) return
  // Another process, or another part of this one, may have made the folders a moment ago, and not be done with it.
  await syncDirectory(dirname(folder))
  await syncDirectory(root)
  state.isFolderSettled = true
}

function startWatching(state: State): void {
  try {
    state.watcher = watch(projectsFolder(state.root), { persistent: false })
  } catch (error) {
    if (errorCode(error) !== 'ENOENT')
      state.logger.debug({ reason: errorMessage(error) }, 'cannot watch project documents')
    return
  }
  state.wasFolderThere = true
  state.watcher.on('change', (_event, filename) => noticed(state, String(filename)))
  state.watcher.on('error', () => {
    state.watcher?.close()
    state.watcher = undefined
  })
}

function noticed(state: State, filename: string): void {
  const name = nameOf(filename)
  if (name !== undefined) forget(state, name)
}

/** For folders that came later than we did, and for file systems without change notices. */
async function poll(state: State): Promise<void> {
  const found = await stat(projectsFolder(state.root), { bigint: true }).catch(() => undefined)
  const time = found === undefined ? '' : `${found.ino}:${found.mtimeNs}`
  if (time === state.folderTime) return
  state.folderTime = time
  for (const name of [...state.known.keys()]) forget(state, name)
  if (state.watcher === undefined && found !== undefined) startWatching(state)
}

function forget(state: State, name: NormalizedName): void {
  state.changes += 1
  state.loading.delete(name)
  state.known.delete(name)
  state.onChange(name)
}

function documentPath({ root }: State, name: NormalizedName): string {
  const encoded = encodeURIComponent(name)
  // No upload has a name this long, but files that are copied in may; `%~` begins no encoded name.
  const filename = encoded.length <= maxNameLength ? encoded : `%~${createHash('sha256').update(name).digest('hex')}`
  return join(projectsFolder(root), `${filename}.json`)
}

function nameOf(filename: string): NormalizedName | undefined {
  if (!filename.endsWith('.json')) return undefined
  try {
    return decodeURIComponent(filename.slice(0, -'.json'.length)) as NormalizedName
  } catch {
    // Not one of ours.
    return undefined
  }
}

/** A file among the project documents: what it holds, or why that cannot be told. */
export interface DocumentFile {
  readonly filename: string
  /** Absent when the name of the file tells none. */
  readonly name?: NormalizedName
  readonly document?: ProjectDocument
  readonly problem?: string
}

/** Reads all documents of a root, one after the other. */
export async function* readDocuments(root: string): AsyncGenerator<DocumentFile> {
  const folder = projectsFolder(root)
  for (const filename of (await readdir(folder).catch(undefinedIf('ENOENT'))) ?? []) {
    const name = nameOf(filename)
    if (name === undefined) continue
    try {
      yield { filename, name, document: checked(JSON.parse(await readFile(join(folder, filename), 'utf8'))) }
    } catch (error) {
      yield { filename, name, problem: errorMessage(error) }
    }
  }
}

/** Names of the projects to which somebody uploaded below this root; the root need not be served. */
export async function uploadedProjects(root: string): Promise<ReadonlySet<NormalizedName>> {
  const folder = projectsFolder(root)
  const filenames = (await readdir(folder).catch(undefinedIf('ENOENT'))) ?? []
  const names = new Set<NormalizedName>()
  for (const filename of filenames) {
    const name = nameOf(filename)
    if (name === undefined) continue
    const document = checked(JSON.parse(await readFile(join(folder, filename), 'utf8')))
    if (document.isUploaded) names.add(name)
  }
  return names
}
