import type { DistributionFilename, NormalizedName } from '../../backend.js'
import { type ParsedFilename, parseFilename } from '../../packaging/filename.js'
import { createShardedMap } from '../../util/sharded-map.js'
import {
  type CatalogueParts,
  type CatalogueUpdate,
  inProject,
  isShownRow,
  link,
  remove,
  see,
  seeName,
} from './catalogue-changes.js'
import { adoptChunk, type ImageTables, imageTables, packChunks } from './catalogue-image.js'
import type { Description } from './disk-protocol.js'
import { createEntryWriter, entryHeadWords, nameHash, nameWords, readState } from './file-entry.js'
import * as row from './file-rows.js'
import { createFolderLists, type ListedFolder } from './folder-lists.js'
import { createInspections } from './inspections.js'
import { type Companion, companionSuffixes, type FileState, joinPath } from './layout.js'

/** What was found out about a file's bytes; remembered across restarts, so it holds plain values only. */
export interface Inspection {
  readonly state: Description['state']
  /** Lower-case hex of the metadata. */
  readonly metadataSha256?: string
  readonly requiresPython?: string
  /** Lower-case hex by algorithm; absent until the whole file was read. */
  readonly hashes?: Readonly<Record<string, string>>
}

/** A distribution file as it stood in one root when the catalogue was asked; a copy that nothing changes any more. */
export interface CatalogueFile {
  /** Stands for the file as long as it is where it is; another file may have it later. */
  readonly id: number
  /** Index of the root, in the order they were given. */
  readonly root: number
  /** Relative to the root, forward slashes. */
  readonly path: string
  readonly filename: DistributionFilename
  readonly project: NormalizedName
  readonly version: string
  readonly format: ParsedFilename['kind']
  readonly state: FileState
  /** Absent before the first look inside. */
  readonly inspection?: Inspection
  /** The code of the error that kept it from being inspected. */
  readonly problem?: string
  /** Not shown: it is still being written, as far as can be told. */
  readonly isHeld: boolean
  /** Remembered from an earlier run, and not looked at since. */
  readonly isUnverified: boolean
}

/** Which bytes at which path. */
export interface FileKey {
  readonly root: number
  readonly path: string
  readonly state: Pick<FileState, 'identity'>
}

/** What may be noted of a file. */
export interface CatalogueNote {
  readonly inspection?: Inspection
  /** `null` when it could be inspected. */
  readonly problem?: string | null
  readonly isHeld?: boolean
}

/** What is where, packed in memory, and unpacked for whoever asks: changed file by file, never rebuilt. */
export interface Catalogue {
  /** Stands for the files that {@link Catalogue.filesOf} tells of, without unpacking them. */
  readonly idsOf: (project: NormalizedName) => readonly number[]
  /** Whether it is known of every file of the project what stands in it, as far as that can be found out. */
  readonly isInspected: (project: NormalizedName) => boolean
  /** Whether a file of the project could not be inspected, and might be at another try. */
  readonly hasProblem: (project: NormalizedName) => boolean
  /** The files of a project; of equal paths in several roots only the first root's. */
  readonly filesOf: (project: NormalizedName) => readonly CatalogueFile[]
  /** All projects that any file is known of, shown or not. */
  readonly names: () => Generator<NormalizedName>
  /** All projects that have a file to show. */
  readonly projects: () => IterableIterator<{ readonly name: NormalizedName; readonly fileCount: number }>
  /** Another number whenever {@link Catalogue.projects} would tell something else. */
  readonly shownChanges: () => number
  /** The file that this path is served from. */
  readonly atPath: (path: string) => CatalogueFile | undefined
  /** Files of this base name in any letter case, in any root and folder. */
  readonly named: (filename: string) => readonly CatalogueFile[]
  /** The file of this {@link CatalogueFile.id}. */
  readonly byId: (id: number) => CatalogueFile | undefined
  readonly hasCompanion: (file: Pick<CatalogueFile, 'root' | 'path'>, companion: Companion) => boolean
  /** Takes in what a directory entry looks like now; `undefined` removes it. Tells which project changed, if one did. */
  readonly update: (root: number, path: string, state: FileState | undefined) => CatalogueUpdate | undefined
  /** Notes what was found out about a file, if it is still the same; tells how it stands then. */
  readonly note: (file: CatalogueFile, note: CatalogueNote) => CatalogueFile | undefined
  /** Whether any file of this project is known, shown or not. */
  readonly has: (project: NormalizedName) => boolean
  /** The file as it stands now; `undefined` when its path has other bytes or none. */
  readonly current: (file: FileKey) => CatalogueFile | undefined
  /** When the file of this {@link CatalogueFile.id} was last changed, in milliseconds since the epoch. */
  readonly timesOf: (id: number) => { readonly modifiedMs: number; readonly changedMs: number }
  /** Takes in the names of files that nobody has looked at yet, from entries without identities. */
  readonly addNames: (root: number, directory: string, entries: Uint32Array) => void
  /** Folders that files are known of, and that were never read. */
  readonly unreadFolders: () => readonly { readonly root: number; readonly path: string }[]
  /** Begins a read of a folder, of which {@link CatalogueRead} takes in what it finds. */
  readonly beginRead: (root: number, directory: string) => CatalogueRead
  readonly count: () => number
  /** See {@link packChunks}, {@link imageTables} and {@link adoptChunk}. */
  readonly pack: () => Generator<Uint32Array | undefined>
  readonly tables: () => ImageTables
  readonly adopt: (chunk: Uint32Array, tables: ImageTables) => readonly number[]
}

/** One read of one folder. */
export interface CatalogueRead {
  /** Takes in entries as {@link EntryWriter} makes them; tells what changed. */
  readonly take: (entries: Uint32Array) => readonly CatalogueUpdate[]
  /**
   * Removes up to `most` files that this read did not see, nor anybody since it began; tells what changed, and `undefined`
   * once there are no more.
   */
  readonly removeUnseen: (most: number) => readonly CatalogueUpdate[] | undefined
}

/** An empty catalogue for digests of these algorithms, `sha256` first, of which it keeps two. */
export function createCatalogue(algorithms: readonly string[] = ['sha256']): Catalogue {
  const rows = row.createFileRows({ hasExtra: algorithms.length > 1 })
  const state: CatalogueParts = {
    rows,
    folders: createFolderLists(rows),
    inspections: createInspections(rows, algorithms),
    heads: createShardedMap(),
    problems: new Map(),
    writer: createEntryWriter(1),
    shownChanges: 0,
  }
  const image = { ...state, link: (id: number, project: NormalizedName) => link(state, id, project) }
  return {
    idsOf: (project) => idsOf(state, project),
    filesOf: (project) => idsOf(state, project).map((id) => decode(state, id)),
    isInspected: (project) => isInspected(state, project),
    hasProblem: (project) =>
      state.problems.size > 0 && idsOf(state, project).some((id) => isRetried(state.problems.get(id))),
    names: () => state.heads.keys() as Generator<NormalizedName>,
    projects: () => projects(state),
    shownChanges: () => state.shownChanges,
    atPath: (path) => atPath(state, path),
    named: (filename) => named(state, filename),
    byId: (id) => (rows.has(id, row.isLive) ? decode(state, id) : undefined),
    hasCompanion: ({ root, path }, companion) => find(state, root, path + companionSuffixes[companion]) !== 0,
    update: (root, path, fileState) => update(state, root, path, fileState),
    note: (file, note) => noteOf(state, file, note),
    has: (project) => state.heads.get(project) !== undefined,
    current: (file) => decodeIf(state, findSame(state, file)),
    timesOf: (id) => ({
      modifiedMs: rows.millisOf(id, row.modifiedTime),
      changedMs: rows.millisOf(id, row.changedTime),
    }),
    addNames: (root, directory, entries) => {
      const folder = state.folders.at(root, directory)
      for (const at of entriesIn(entries)) seeName(state, entries, at, folder)
    },
    unreadFolders: () => state.folders.all().filter(({ read, first }) => read === 0 && first !== 0),
    beginRead: (root, directory) => beginRead(state, state.folders.at(root, directory)),
    count: () => rows.count(),
    pack: () => packChunks(image),
    tables: () => imageTables(image),
    adopt: (chunk, tables) => adoptChunk(image, chunk, tables),
  }
}

function* projects(state: CatalogueParts): Generator<{ readonly name: NormalizedName; readonly fileCount: number }> {
  for (const name of state.heads.keys()) {
    let fileCount = 0
    for (const id of inProject(state, name)) if (isServed(state, id)) fileCount += 1
    if (fileCount > 0) yield { name: name as NormalizedName, fileCount }
  }
}

function idsOf(state: CatalogueParts, project: NormalizedName): readonly number[] {
  return [...inProject(state, project)].filter((id) => isServed(state, id))
}

function isInspected(state: CatalogueParts, project: NormalizedName): boolean {
  for (const id of inProject(state, project))
    if (!state.rows.has(id, row.isDigested) && !state.problems.has(id) && isServed(state, id)) return false
  return true
}

function atPath(state: CatalogueParts, path: string): CatalogueFile | undefined {
  const shown = named(state, splitPath(path).name).filter((file) => file.path === path && isShown(file))
  return shown.sort((a, b) => a.root - b.root)[0]
}

function named(state: CatalogueParts, filename: string): readonly CatalogueFile[] {
  const { rows } = state
  const lower = filename.toLowerCase()
  return rows
    .ofHash(nameHash(filename))
    .filter((id) => rows.has(id, row.isDistribution) && rows.nameOf(id).toLowerCase() === lower)
    .map((id) => decode(state, id))
}

function update(state: CatalogueParts, root: number, path: string, fileState?: FileState): CatalogueUpdate | undefined {
  const { directory, name } = splitPath(path)
  if (fileState !== undefined) return see(state, entryOf(state, name, fileState), 0, state.folders.at(root, directory))
  const id = find(state, root, path)
  return id === 0 ? undefined : remove(state, id)
}

function noteOf(state: CatalogueParts, file: CatalogueFile, note: CatalogueNote): CatalogueFile | undefined {
  const id = findSame(state, file)
  if (id === 0) return undefined
  const { inspection, problem, isHeld } = note
  const wasShown = isShownRow(state, id)
  if (inspection !== undefined) state.inspections.write(id, inspection)
  if (problem === null) state.problems.delete(id)
  else if (problem !== undefined) state.problems.set(id, problem)
  if (isHeld !== undefined) state.rows.setFlag(id, row.isHeld, isHeld ? 1 : 0)
  if (isShownRow(state, id) !== wasShown) state.shownChanges += 1
  return decode(state, id)
}

function beginRead(state: CatalogueParts, folder: ListedFolder): CatalogueRead {
  const read = state.folders.beginRead(folder)
  return {
    take: (entries) => {
      const updates: CatalogueUpdate[] = []
      for (const at of entriesIn(entries)) {
        const changed = see(state, entries, at, folder, read)
        if (changed !== undefined) updates.push(changed)
      }
      return updates
    },
    removeUnseen: (most) => {
      const updates: CatalogueUpdate[] = []
      for (let count = 0; count < most; count += 1) {
        const id = state.folders.unseen(folder, read)
        if (id === 0) return count === 0 ? undefined : updates
        const changed = remove(state, id)
        if (changed !== undefined) updates.push(changed)
      }
      return updates
    },
  }
}

/** Where each entry begins. */
function* entriesIn(entries: Uint32Array): Generator<number> {
  for (let at = 0; at < entries.length; at += entryHeadWords + nameWords(entries[at + 1] as number)) yield at
}

function decodeIf(state: CatalogueParts, id: number): CatalogueFile | undefined {
  return id === 0 ? undefined : decode(state, id)
}

function decode({ rows, folders, inspections, problems }: CatalogueParts, id: number): CatalogueFile {
  const folder = folders.of(id)
  const parsed = parseFilename(rows.nameOf(id)) as ParsedFilename
  const inspection = inspections.read(id)
  const problem = problems.get(id)
  return {
    id,
    root: folder.root,
    path: joinPath(folder.path, parsed.filename),
    filename: parsed.filename,
    project: parsed.name,
    version: parsed.version,
    format: parsed.kind,
    state: readState(rows.chunkOf(id).bytes, rows.byteAt(id, row.identity)),
    ...(inspection && { inspection }),
    ...(problem !== undefined && { problem }),
    isHeld: rows.has(id, row.isHeld),
    isUnverified: rows.has(id, row.isUnverified),
  }
}

/** Whether the file shows, and no root before its own shows one at the same path. */
function isServed(state: CatalogueParts, id: number): boolean {
  if (!isShownRow(state, id)) return false
  const { root, path } = state.folders.of(id)
  for (let earlier = 0; earlier < root; earlier += 1) {
    const other = find(state, earlier, joinPath(path, state.rows.nameOf(id)))
    if (other !== 0 && isShownRow(state, other)) return false
  }
  return true
}

function find(state: CatalogueParts, root: number, path: string): number {
  const { directory, name } = splitPath(path)
  const folder = state.folders.known(root, directory)
  return folder === undefined ? 0 : state.rows.find(entryOf(state, name), 0, folder.id)
}

function findSame(state: CatalogueParts, { root, path, state: fileState }: FileKey): number {
  const id = find(state, root, path)
  return id !== 0 && state.rows.isSame(id, entryOf(state, '', fileState), 0) ? id : 0
}

function entryOf({ writer }: CatalogueParts, name: string, fileState?: FileKey['state']): Uint32Array {
  const [ino = 0n, size = 0n, mtimeNs = 0n, ctimeNs = 0n] = fileState?.identity.split(':').map(BigInt) ?? []
  writer.add(name, { ino, size, mtimeNs, ctimeNs })
  return writer.take()
}

/** Whether only another identity (another mode, another owner) can make the file readable. */
export function isBarred(problem: string | undefined): boolean {
  return problem === 'EACCES' || problem === 'EPERM'
}

function isRetried(problem: string | undefined): boolean {
  return problem !== undefined && !isBarred(problem)
}

/** Whether pages and downloads may show the file. */
export function isShown(file: CatalogueFile): boolean {
  return !file.isHeld && file.inspection?.state !== 'truncated'
}

function splitPath(path: string): { readonly directory: string; readonly name: string } {
  const slash = path.lastIndexOf('/')
  return { directory: path.slice(0, Math.max(slash, 0)), name: path.slice(slash + 1) }
}
