import type { DistributionFilename, NormalizedName } from '../../backend.js'
import { type ParsedFilename, parseFilename } from '../../packaging/filename.js'
import { createShardedMap, type ShardedMap } from '../../util/sharded-map.js'
import { adoptChunk, type ImageTables, imageTables, packChunks } from './catalogue-image.js'
import type { Description } from './disk-protocol.js'
import { createEntryWriter, type EntryWriter, entryHeadWords, nameHash, nameWords, readState } from './file-entry.js'
import * as row from './file-rows.js'
import { createFolderLists, type FolderLists, type ListedFolder } from './folder-lists.js'
import { createInspections, type Inspections } from './inspections.js'
import { type Companion, companionSuffixes, companionTarget, type FileState, joinPath } from './layout.js'

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
  /** Whether a file of the project could not be inspected, and might be at another try. */
  readonly hasProblem: (project: NormalizedName) => boolean
  /** The files of a project; of equal paths in several roots only the first root's. */
  readonly filesOf: (project: NormalizedName) => readonly CatalogueFile[]
  /** All projects that have a file to show. */
  readonly projects: () => IterableIterator<{ readonly name: NormalizedName; readonly fileCount: number }>
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
  readonly current: (file: CatalogueFile) => CatalogueFile | undefined
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

/** What {@link Catalogue.update} changed. */
export interface CatalogueUpdate {
  readonly project: NormalizedName
  /** The entry that is new, or has new bytes. */
  readonly file?: CatalogueFile
  /** It was shown, and all that changed is when it was touched: its mode, its links, or bytes under a time set back. */
  readonly isTouched?: true
}

interface State {
  readonly rows: row.FileRows
  readonly folders: FolderLists
  readonly inspections: Inspections
  /** The first row of each project. */
  readonly heads: ShardedMap<number>
  /** Codes of errors, by row. */
  readonly problems: Map<number, string>
  readonly writer: EntryWriter
}

/** An empty catalogue for digests of these algorithms, `sha256` first, of which it keeps two. */
export function createCatalogue(algorithms: readonly string[] = ['sha256']): Catalogue {
  const rows = row.createFileRows({ hasExtra: algorithms.length > 1 })
  const state: State = {
    rows,
    folders: createFolderLists(rows),
    inspections: createInspections(rows, algorithms),
    heads: createShardedMap(),
    problems: new Map(),
    writer: createEntryWriter(1),
  }
  const image = { ...state, link: (id: number, project: NormalizedName) => link(state, id, project) }
  return {
    idsOf: (project) => idsOf(state, project),
    filesOf: (project) => idsOf(state, project).map((id) => decode(state, id)),
    hasProblem: (project) =>
      state.problems.size > 0 && idsOf(state, project).some((id) => isRetried(state.problems.get(id))),
    projects: () => projects(state),
    atPath: (path) => atPath(state, path),
    named: (filename) => named(state, filename),
    byId: (id) => (rows.has(id, row.isLive) ? decode(state, id) : undefined),
    hasCompanion: ({ root, path }, companion) => find(state, root, path + companionSuffixes[companion]) !== 0,
    update: (root, path, fileState) => update(state, root, path, fileState),
    note: (file, note) => noteOf(state, file, note),
    has: (project) => state.heads.get(project) !== undefined,
    current: (file) => decodeIf(state, findSame(state, file)),
    beginRead: (root, directory) => beginRead(state, state.folders.at(root, directory)),
    count: () => rows.count(),
    pack: () => packChunks(image),
    tables: () => imageTables(image),
    adopt: (chunk, tables) => adoptChunk(image, chunk, tables),
  }
}

function* projects(state: State): Generator<{ readonly name: NormalizedName; readonly fileCount: number }> {
  for (const name of state.heads.keys()) {
    let fileCount = 0
    for (const id of inProject(state, name)) if (isServed(state, id)) fileCount += 1
    if (fileCount > 0) yield { name: name as NormalizedName, fileCount }
  }
}

function idsOf(state: State, project: NormalizedName): readonly number[] {
  return [...inProject(state, project)].filter((id) => isServed(state, id))
}

function atPath(state: State, path: string): CatalogueFile | undefined {
  const shown = named(state, splitPath(path).name).filter((file) => file.path === path && isShown(file))
  return shown.sort((a, b) => a.root - b.root)[0]
}

function named(state: State, filename: string): readonly CatalogueFile[] {
  const { rows } = state
  const lower = filename.toLowerCase()
  return rows
    .ofHash(nameHash(filename))
    .filter((id) => rows.has(id, row.isDistribution) && rows.nameOf(id).toLowerCase() === lower)
    .map((id) => decode(state, id))
}

function update(state: State, root: number, path: string, fileState?: FileState): CatalogueUpdate | undefined {
  const { directory, name } = splitPath(path)
  if (fileState !== undefined) return see(state, entryOf(state, name, fileState), 0, state.folders.at(root, directory))
  const id = find(state, root, path)
  return id === 0 ? undefined : remove(state, id)
}

function noteOf(state: State, file: CatalogueFile, note: CatalogueNote): CatalogueFile | undefined {
  const id = findSame(state, file)
  if (id === 0) return undefined
  const { inspection, problem, isHeld } = note
  if (inspection !== undefined) state.inspections.write(id, inspection)
  if (problem === null) state.problems.delete(id)
  else if (problem !== undefined) state.problems.set(id, problem)
  if (isHeld !== undefined) state.rows.setFlag(id, row.isHeld, isHeld ? 1 : 0)
  return decode(state, id)
}

function beginRead(state: State, folder: ListedFolder): CatalogueRead {
  const read = state.folders.beginRead(folder)
  return {
    take: (entries) => {
      const updates: CatalogueUpdate[] = []
      for (let at = 0; at < entries.length; at += entryHeadWords + nameWords(entries[at + 1] as number)) {
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

/** What was seen of one file: new, changed, or as it was. */
function see(
  state: State,
  entries: Uint32Array,
  at: number,
  folder: ListedFolder,
  read?: number,
): CatalogueUpdate | undefined {
  const { rows, folders } = state
  const known = rows.find(entries, at, folder.id)
  if (known === 0) return add(state, entries, at, folder)
  folders.touch(known, read)
  if (!rows.isSame(known, entries, at)) return change(state, known, entries, at)
  rows.setFlag(known, row.isUnverified, 0)
  return undefined
}

function add(state: State, entries: Uint32Array, at: number, folder: ListedFolder): CatalogueUpdate | undefined {
  const { rows, folders } = state
  const name = nameOf(entries, at)
  const target = companionTarget(name)
  const parsed = target === undefined ? parseFilename(name) : undefined
  if (parsed === undefined && target === undefined) return undefined
  const id = rows.add(entries, at, folder.id)
  folders.add(id)
  if (parsed === undefined) return companionUpdate(state, folder, target ?? '')
  rows.setFlag(id, row.isDistribution, 1)
  link(state, id, parsed.name)
  return { project: parsed.name, file: decode(state, id, parsed) }
}

function change(state: State, id: number, entries: Uint32Array, at: number): CatalogueUpdate | undefined {
  const { rows, inspections, problems } = state
  const before = isShownRow(state, id) && withoutTouch(identityOf(state, id))
  rows.setIdentity(id, entries, at)
  if (!rows.has(id, row.isDistribution)) return undefined
  inspections.clear(id)
  problems.delete(id)
  rows.setFlag(id, row.isHeld | row.isUnverified, 0)
  const file = decode(state, id)
  return { project: file.project, file, ...(before === withoutTouch(file.state.identity) && { isTouched: true }) }
}

function identityOf({ rows }: State, id: number): string {
  return readState(rows.chunkOf(id).bytes, rows.byteAt(id, row.identity)).identity
}

/** An identity ends with the change time. */
function withoutTouch(identity: string): string {
  return identity.slice(0, identity.lastIndexOf(':'))
}

function remove(state: State, id: number): CatalogueUpdate | undefined {
  const { rows, folders, problems } = state
  const folder = folders.of(id)
  const name = rows.nameOf(id)
  const project = rows.has(id, row.isDistribution) ? parseFilename(name)?.name : undefined
  folders.remove(id)
  if (project !== undefined) unlink(state, id, project)
  problems.delete(id)
  rows.remove(id)
  return project === undefined ? companionUpdate(state, folder, companionTarget(name) ?? '') : { project }
}

/** A file that came, or went, stands beside another one. */
function companionUpdate(state: State, folder: ListedFolder, target: string): CatalogueUpdate | undefined {
  const file = state.rows.find(entryOf(state, target), 0, folder.id)
  const project = file === 0 ? undefined : parseFilename(target)?.name
  return project && { project }
}

function* inProject({ rows, heads }: State, name: string): Generator<number> {
  for (let id = heads.get(name) ?? 0; id !== 0; id = rows.get(id, row.nextInProject)) yield id
}

function link({ rows, heads }: State, id: number, project: NormalizedName): void {
  const first = heads.get(project) ?? 0
  rows.set(id, row.nextInProject, first)
  if (first !== 0) rows.set(first, row.previousInProject, id)
  heads.set(project, id)
}

function unlink({ rows, heads }: State, id: number, project: NormalizedName): void {
  const [previous, next] = [rows.get(id, row.previousInProject), rows.get(id, row.nextInProject)]
  if (next !== 0) rows.set(next, row.previousInProject, previous)
  if (previous !== 0) rows.set(previous, row.nextInProject, next)
  else if (next === 0) heads.delete(project)
  else heads.set(project, next)
}

function decodeIf(state: State, id: number): CatalogueFile | undefined {
  return id === 0 ? undefined : decode(state, id)
}

function decode({ rows, folders, inspections, problems }: State, id: number, known?: ParsedFilename): CatalogueFile {
  const folder = folders.of(id)
  const parsed = known ?? (parseFilename(rows.nameOf(id)) as ParsedFilename)
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

function isShownRow({ rows, inspections }: State, id: number): boolean {
  return !rows.has(id, row.isHeld) && !inspections.isTruncated(id)
}

/** Whether the file shows, and no root before its own shows one at the same path. */
function isServed(state: State, id: number): boolean {
  if (!isShownRow(state, id)) return false
  const { root, path } = state.folders.of(id)
  for (let earlier = 0; earlier < root; earlier += 1) {
    const other = find(state, earlier, joinPath(path, state.rows.nameOf(id)))
    if (other !== 0 && isShownRow(state, other)) return false
  }
  return true
}

function find(state: State, root: number, path: string): number {
  const { directory, name } = splitPath(path)
  const folder = state.folders.known(root, directory)
  return folder === undefined ? 0 : state.rows.find(entryOf(state, name), 0, folder.id)
}

function findSame(state: State, { root, path, state: fileState }: CatalogueFile): number {
  const id = find(state, root, path)
  return id !== 0 && state.rows.isSame(id, entryOf(state, '', fileState), 0) ? id : 0
}

function entryOf({ writer }: State, name: string, fileState?: FileState): Uint32Array {
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

function nameOf(entries: Uint32Array, at: number): string {
  const start = entries.byteOffset + (at + entryHeadWords) * 4
  return Buffer.from(entries.buffer, start, entries[at + 1]).toString()
}

function splitPath(path: string): { readonly directory: string; readonly name: string } {
  const slash = path.lastIndexOf('/')
  return { directory: path.slice(0, Math.max(slash, 0)), name: path.slice(slash + 1) }
}
