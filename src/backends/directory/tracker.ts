import { watch } from 'node:fs'
import { join } from 'node:path'
import { errorCode, errorMessage } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { Disk } from './disk.js'
import type { DirectoryBatch, DiskAnswers } from './disk-protocol.js'
import { companionSuffixes, directoryOf, type FileState, isVisibleName, joinPath, nameOf } from './layout.js'
import {
  type Folder,
  type FolderRead,
  hollow,
  inodeOf,
  isBlinding,
  isDoubtful,
  isHollow,
  mayHideNames,
  newFolder,
  unwatch,
} from './tracked-folder.js'

/** Follows what lies below some roots: one scan, then change notices, and a look at the clock where there are none. */
export interface Tracker {
  /** Reads everything once; fulfils also when some of it cannot be read. */
  readonly start: () => Promise<void>
  /** Looks at one path again, now; `options` tell what else is looked at with it, and who hears of the path itself. */
  readonly look: (root: number, path: string, options?: LookOptions) => Promise<void>
  /** The same for several, with what may stand beside each. */
  readonly lookAll: (files: readonly TrackedPath[]) => Promise<void>
  /** As if a change at this path had been told: what a look soon does not find out is left to the clock. */
  readonly notice: (root: number, path: string) => void
  /** Whether it follows this folder, be it that it cannot be read. */
  readonly follows: (root: number, directory: string) => boolean
  /** Why it cannot be told what exists; `undefined` when it can. */
  readonly problem: () => string | undefined
  /** Why it cannot be told that a name is not used, while all else can be told; `undefined` when it can. */
  readonly doubt: () => string | undefined
  /** The same of this path. */
  readonly doubtAt: (path: string) => string | undefined
  /** Which directory a root was when it was read last, as {@link inodeOf}; empty before that. */
  readonly inode: (root: number) => string
  readonly close: () => void
}

/** Where a file is: index of the root, and path relative to it. */
export interface TrackedPath {
  readonly root: number
  readonly path: string
}

/** What a look may be about besides its path. */
export interface LookOptions {
  /** What these are appended to the path for. @default none */
  readonly suffixes?: readonly string[]
  /** Hears what stands at the path, in the place of {@link TrackerOptions.onFile}. */
  readonly onFile?: (state: FileState | undefined) => void
}

/** What a tracker follows and whom it tells. */
export interface TrackerOptions {
  /** Absolute paths. */
  readonly roots: readonly string[]
  readonly disk: Disk
  readonly logger: Logger
  /** Hears what was seen at a look at one file; `undefined` when it is not there. */
  readonly onFile: (root: number, path: string, state: FileState | undefined) => void
  /** Hears when a folder begins to be read. */
  readonly onRead: (root: number, directory: string) => FolderRead
}

interface State extends TrackerOptions {
  readonly folders: Map<string, Folder>
  /** Those of them that could not be read. */
  readonly troubled: Set<Folder>
  /** Names that changed, by folder; the empty name stands for the whole folder. */
  readonly dirty: Map<Folder, Set<string>>
  flushTimer: NodeJS.Timeout | undefined
  pollTimer: NodeJS.Timeout | undefined
  polls: number
  isClosed: boolean
}

const debounceMs = 25
const pollMs = 1000
const pollsPerSweep = 60
const namesPerLook = 500

/** A tracker that touches nothing before `start`. */
export function createTracker(options: TrackerOptions): Tracker {
  const state: State = {
    ...options,
    folders: new Map(),
    troubled: new Set(),
    dirty: new Map(),
    flushTimer: undefined,
    pollTimer: undefined,
    polls: 0,
    isClosed: false,
  }
  return {
    start: async () => {
      await Promise.all(state.roots.map((_, root) => scanRoot(state, root)))
      schedulePoll(state)
    },
    look: async (root, path, { suffixes = [], onFile } = {}) => {
      const folder = folderOf(state, root, path)
      const names = ['', ...suffixes].map((suffix) => nameOf(path) + suffix)
      const hear = (at: string, found: FileState | undefined): void =>
        at === path && onFile ? onFile(found) : state.onFile(root, at, found)
      if (folder !== undefined) await look(state, folder, names, hear)
    },
    notice: (root, path) => {
      const folder = folderOf(state, root, path)
      if (folder !== undefined) notice(state, folder, nameOf(path))
    },
    lookAll: (files) => lookAll(state, files),
    follows: (root, directory) => state.folders.has(key(root, directory)),
    problem: () => problem(state, isBlinding),
    doubt: () => problem(state, mayHideNames),
    inode: (root) => inodeOfRoot(state, root),
    doubtAt: (path) => problem(state, (folder) => path.startsWith(`${folder.path}/`)),
    close: () => close(state),
  }
}

async function scanRoot(state: State, root: number): Promise<void> {
  await scanTree(state, root, '').catch((error: unknown) => {
    fail(state, folderAt(state, root, ''), errorCode(error) ?? errorMessage(error))
  })
}

async function scanTree(state: State, root: number, directory: string): Promise<void> {
  const where = { root: rootPath(state, root), directory }
  const request = { kind: 'scan', ...where, isRecursive: true, finds: 'states' } as const
  await state.disk.ask(request, (batch) => void take(state, root, batch))
}

/** Reads one folder again, and whole trees only where a sub-folder is new. */
async function refresh(state: State, { root, path }: Folder): Promise<void> {
  const where = { root: rootPath(state, root), directory: path }
  const request = { kind: 'scan', ...where, isRecursive: false, finds: 'states' } as const
  const added: string[] = []
  await state.disk.ask(request, (batch) => added.push(...take(state, root, batch)))
  for (const folder of added) await scanTree(state, root, folder)
}

/** Takes one batch in; tells which sub-folders were not known before. */
function take(state: State, root: number, batch: DirectoryBatch): readonly string[] {
  if (state.isClosed) return []
  const known = state.folders.get(key(root, batch.directory))
  if (known !== undefined && batch.isFirst && inodeOf(batch.time) !== inodeOf(known.time)) unwatchTree(state, known)
  const folder = folderAt(state, root, batch.directory)
  const problem = batch.problem ?? (isHollow(folder, batch) ? hollow : undefined)
  if (problem !== undefined) return fail(state, folder, problem)
  folder.inode = inodeOf(batch.time)
  folder.wasUsed ||= batch.entries.length > 0 || batch.folders.length > 0
  folder.problem = undefined
  state.troubled.delete(folder)
  if (batch.isFirst) folder.reading = state.onRead(root, batch.directory)
  folder.reading?.onEntries(batch.entries)
  if (!batch.isLast) return []
  void guard(state, folder.reading?.onEnd())
  folder.reading = undefined
  folder.time = batch.time
  return takeFolders(state, folder, batch.folders)
}

function takeFolders(state: State, folder: Folder, names: readonly string[]): readonly string[] {
  const before = folder.folders
  folder.folders = new Set(names)
  for (const name of before) if (!folder.folders.has(name)) drop(state, folder.root, joinPath(folder.path, name))
  return names.filter((name) => !before.has(name)).map((name) => joinPath(folder.path, name))
}

function fail(state: State, folder: Folder, reason: string): readonly string[] {
  const isGone = ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(reason)
  if (isGone && folder.path !== '') {
    drop(state, folder.root, folder.path)
    return []
  }
  if (folder.problem !== reason)
    state.logger.warn({ directory: where(state, folder), reason }, 'cannot read a directory')
  folder.problem = reason
  state.troubled.add(folder)
  folder.time = ''
  unwatch(folder)
  return []
}

function folderAt(state: State, root: number, path: string): Folder {
  const known = state.folders.get(key(root, path))
  const folder = known ?? newFolder(root, path)
  if (known === undefined) state.folders.set(key(root, path), folder)
  if (folder.watcher === undefined) watchFolder(state, folder)
  return folder
}

function drop(state: State, root: number, path: string): void {
  const folder = state.folders.get(key(root, path))
  if (folder === undefined) return
  state.folders.delete(key(root, path))
  folderOf(state, root, path)?.folders.delete(nameOf(path))
  state.dirty.delete(folder)
  state.troubled.delete(folder)
  unwatch(folder)
  // As if it were empty.
  void guard(state, state.onRead(root, path).onEnd())
  for (const name of folder.folders) drop(state, root, joinPath(path, name))
}

function watchFolder(state: State, folder: Folder): void {
  try {
    folder.watcher = watch(where(state, folder), { persistent: false })
  } catch (error) {
    // Without notices (too many watches, a file system that gives none) the clock still finds the change.
    state.logger.debug({ directory: where(state, folder), reason: errorMessage(error) }, 'cannot watch a directory')
    return
  }
  folder.isConfirmed = false
  folder.watcher.on('change', (_event, name) => notice(state, folder, name === null ? '' : String(name)))
  folder.watcher.on('error', () => unwatch(folder))
}

function notice(state: State, folder: Folder, name: string): void {
  if (name !== '' && !isVisibleName(name)) return
  const names = state.dirty.get(folder) ?? new Set()
  state.dirty.set(folder, names.add(name))
  state.flushTimer ??= setTimeout(() => void guard(state, flush(state)), debounceMs).unref()
}

async function flush(state: State): Promise<void> {
  const work = [...state.dirty]
  state.dirty.clear()
  state.flushTimer = undefined
  for (const [folder, names] of work) {
    if (!isKnown(state, folder)) continue
    const isMuch = names.has('') || names.size > namesPerLook
    await guard(state, (isMuch ? refresh(state, folder) : look(state, folder, [...names])).catch(doubt(folder)))
  }
}

/** What a look did not find out is left to the clock. */
function doubt(folder: Folder): (error: unknown) => never {
  return (error) => {
    folder.time = ''
    folder.isConfirmed = false
    throw error
  }
}

async function look(
  state: State,
  folder: Folder,
  names: readonly string[],
  hear: (path: string, found: FileState | undefined) => void = (at, found) => state.onFile(folder.root, at, found),
): Promise<void> {
  const { root, path } = folder
  const seen = await askLook(state, root, path, names)
  const added: string[] = []
  const doubtful: Folder[] = []
  // All at once: what was seen must not be told after something that was seen later.
  for (const [name, found] of seen) {
    const entry = joinPath(path, name)
    const known = state.folders.get(key(root, entry))
    // Known and not listed: it came while the folder was read.
    if (found !== 'folder' && (folder.folders.delete(name) || known !== undefined)) drop(state, root, entry)
    hear(entry, typeof found === 'object' ? found : undefined)
    folder.wasUsed ||= found !== 'gone'
    if (found !== 'folder') continue
    folder.folders.add(name)
    if (known === undefined) added.push(entry)
    else doubtful.push(known)
  }
  for (const entry of added) await scanTree(state, root, entry)
  // Another directory may have taken the place of the one that we know.
  for (const known of doubtful) known.isConfirmed = false
  await checkTimes(state, root, doubtful)
}

function askLook(
  state: State,
  root: number,
  directory: string,
  names: readonly string[],
): Promise<DiskAnswers['look']> {
  const inode = inodeOfRoot(state, root)
  return state.disk.ask({ kind: 'look', root: rootPath(state, root), inode, directory, names })
}

function inodeOfRoot(state: State, root: number): string {
  return state.folders.get(key(root, ''))?.inode ?? ''
}

/** Looks also in folders that were not read yet, for files that are known from elsewhere. */
async function lookAll(state: State, files: readonly TrackedPath[]): Promise<void> {
  const byFolder = new Map<string, { readonly root: number; readonly directory: string; readonly names: string[] }>()
  for (const { root, path } of files) {
    const directory = directoryOf(path)
    const group = byFolder.get(key(root, directory)) ?? { root, directory, names: [] }
    byFolder.set(key(root, directory), group)
    const name = nameOf(path)
    group.names.push(name, ...Object.values(companionSuffixes).map((suffix) => name + suffix))
  }
  for (const { root, directory, names } of byFolder.values()) {
    const seen = await askLook(state, root, directory, names)
    for (const [name, found] of seen)
      state.onFile(root, joinPath(directory, name), typeof found === 'object' ? found : undefined)
  }
}

async function poll(state: State): Promise<void> {
  state.polls += 1
  const isSweep = state.polls % pollsPerSweep === 0
  for (const root of state.roots.keys()) {
    const due = [...state.folders.values()].filter((folder) => folder.root === root && (isSweep || isDoubtful(folder)))
    await checkTimes(state, root, due, { isSweep })
  }
}

async function checkTimes(
  state: State,
  root: number,
  folders: readonly Folder[],
  { isSweep = false }: { readonly isSweep?: boolean } = {},
): Promise<void> {
  if (folders.length === 0) return
  const directories = folders.map((folder) => folder.path)
  const times = await state.disk.ask({ kind: 'times', root: rootPath(state, root), directories })
  for (const [index, folder] of folders.entries()) await compare(state, folder, times[index] ?? '', isSweep)
}

async function compare(state: State, folder: Folder, time: string, isSweep: boolean): Promise<void> {
  if (!isKnown(state, folder)) return
  if (time === '' || inodeOf(time) !== inodeOf(folder.time)) return await rereadTree(state, folder)
  // Where nothing tells of changes, a file that was changed in place shows only when it is looked at.
  if (isSweep || folder.watcher === undefined) return await refresh(state, folder)
  if (time === folder.time && !time.endsWith(':')) folder.isConfirmed = true
  if (folder.isConfirmed) return
  // What happens from here on is told; whoever misses something takes this back.
  folder.isConfirmed = true
  await refresh(state, folder).catch(doubt(folder))
}

/** Another directory has this name by now, or none: all that is below it is another, too. */
async function rereadTree(state: State, folder: Folder): Promise<void> {
  unwatchTree(state, folder)
  await scanTree(state, folder.root, folder.path)
}

/** Ends the watches in and below a folder whose place another one took: they see nothing of that. */
function unwatchTree(state: State, { root, path }: Folder): void {
  for (const known of state.folders.values()) {
    const isWithin = path === '' || known.path === path || known.path.startsWith(`${path}/`)
    if (known.root === root && isWithin) unwatch(known)
  }
}

function schedulePoll(state: State): void {
  if (state.isClosed) return
  state.pollTimer = setTimeout(() => void guard(state, poll(state)).then(() => schedulePoll(state)), pollMs).unref()
}

async function guard(state: State, work: Promise<void> = Promise.resolve()): Promise<void> {
  await work.catch((error: unknown) => {
    if (!state.isClosed) state.logger.warn({ reason: errorMessage(error) }, 'looking for changes failed, trying again')
  })
}

function problem(state: State, matters: (folder: Folder) => boolean): string | undefined {
  for (const folder of state.troubled) {
    if (folder.problem !== undefined && matters(folder)) return `cannot read ${where(state, folder)}: ${folder.problem}`
  }
  return undefined
}

function close(state: State): void {
  state.isClosed = true
  clearTimeout(state.flushTimer)
  clearTimeout(state.pollTimer)
  for (const folder of state.folders.values()) unwatch(folder)
}

function isKnown(state: State, folder: Folder): boolean {
  return !state.isClosed && state.folders.get(key(folder.root, folder.path)) === folder
}

function rootPath(state: State, root: number): string {
  return state.roots[root] ?? ''
}

function where(state: State, { root, path }: Folder): string {
  return join(rootPath(state, root), path)
}

function folderOf(state: State, root: number, path: string): Folder | undefined {
  return state.folders.get(key(root, directoryOf(path)))
}

function key(root: number, path: string): string {
  return `${root}/${path}`
}
