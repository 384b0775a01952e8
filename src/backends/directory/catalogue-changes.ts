import type { NormalizedName } from '../../backend.js'
import { parseFilename } from '../../packaging/filename.js'
import type { ShardedMap } from '../../util/sharded-map.js'
import { type EntryWriter, entryHeadWords } from './file-entry.js'
import * as row from './file-rows.js'
import type { FolderLists, ListedFolder } from './folder-lists.js'
import type { Inspections } from './inspections.js'
import { companionTarget } from './layout.js'

/** What a change of a catalogue did. */
export interface CatalogueUpdate {
  readonly project: NormalizedName
  /** Stands for the file that is new, or has new bytes. */
  readonly id?: number
  /** It was shown, and all that changed is when it was touched: its mode, its links, or bytes under a time set back. */
  readonly isTouched?: true
}

/** The parts of a catalogue. */
export interface CatalogueParts {
  readonly rows: row.FileRows
  readonly folders: FolderLists
  readonly inspections: Inspections
  /** The first row of each project. */
  readonly heads: ShardedMap<number>
  /** Codes of errors, by row. */
  readonly problems: Map<number, string>
  readonly writer: EntryWriter
  /** How often a file of a project came, went, or began or ceased to be shown. */
  shownChanges: number
}

/** Takes in what was seen of one file: new, changed, or as it was. Makes no objects of what is not new. */
export function see(
  parts: CatalogueParts,
  entries: Uint32Array,
  at: number,
  folder: ListedFolder,
  read?: number,
): CatalogueUpdate | undefined {
  const { rows, folders } = parts
  const known = rows.find(entries, at, folder.id)
  if (known === 0) return add(parts, entries, at, folder)
  folders.touch(known, read)
  if (!rows.isSame(known, entries, at)) return change(parts, known, entries, at)
  rows.setFlag(known, row.isUnverified, 0)
  return undefined
}

/** Takes in the name of a file that nobody has looked at yet. */
export function seeName(parts: CatalogueParts, entries: Uint32Array, at: number, folder: ListedFolder): void {
  if (parts.rows.find(entries, at, folder.id) !== 0) return
  const { id } = add(parts, entries, at, folder) ?? {}
  if (id !== undefined) parts.rows.setFlag(id, row.isUnverified, 1)
}

function add(
  parts: CatalogueParts,
  entries: Uint32Array,
  at: number,
  folder: ListedFolder,
): CatalogueUpdate | undefined {
  const { rows, folders } = parts
  const name = nameOf(entries, at)
  const target = companionTarget(name)
  const parsed = target === undefined ? parseFilename(name) : undefined
  if (parsed === undefined && target === undefined) return undefined
  const id = rows.add(entries, at, folder.id)
  folders.add(id)
  if (parsed === undefined) return companionUpdate(parts, folder, target ?? '')
  rows.setFlag(id, row.isDistribution, 1)
  link(parts, id, parsed.name)
  return { project: parsed.name, id }
}

function change(parts: CatalogueParts, id: number, entries: Uint32Array, at: number): CatalogueUpdate | undefined {
  const { rows, inspections, problems } = parts
  const wasShown = isShownRow(parts, id)
  const isTouched = wasShown && rows.isTouched(id, entries, at)
  rows.setIdentity(id, entries, at)
  if (!rows.has(id, row.isDistribution)) return undefined
  inspections.clear(id)
  problems.delete(id)
  rows.setFlag(id, row.isHeld | row.isUnverified, 0)
  if (!wasShown) parts.shownChanges += 1
  const project = parseFilename(rows.nameOf(id))?.name as NormalizedName
  return { project, id, ...(isTouched && { isTouched }) }
}

/** Takes a file out; tells what that changed. */
export function remove(parts: CatalogueParts, id: number): CatalogueUpdate | undefined {
  const { rows, folders, problems } = parts
  const folder = folders.of(id)
  const name = rows.nameOf(id)
  const project = rows.has(id, row.isDistribution) ? parseFilename(name)?.name : undefined
  folders.remove(id)
  if (project !== undefined) unlink(parts, id, project)
  problems.delete(id)
  rows.remove(id)
  return project === undefined ? companionUpdate(parts, folder, companionTarget(name) ?? '') : { project }
}

/** A file that came, or went, stands beside another one. */
function companionUpdate(parts: CatalogueParts, folder: ListedFolder, target: string): CatalogueUpdate | undefined {
  parts.writer.add(target, { ino: 0n, size: 0n, mtimeNs: 0n, ctimeNs: 0n })
  const file = parts.rows.find(parts.writer.take(), 0, folder.id)
  const project = file === 0 ? undefined : parseFilename(target)?.name
  return project && { project }
}

/** The rows of a project. */
export function* inProject({ rows, heads }: CatalogueParts, name: string): Generator<number> {
  for (let id = heads.get(name) ?? 0; id !== 0; id = rows.get(id, row.nextInProject)) yield id
}

/** Puts a row among those of its project. */
export function link(parts: CatalogueParts, id: number, project: NormalizedName): void {
  const { rows, heads } = parts
  const first = heads.get(project) ?? 0
  rows.set(id, row.nextInProject, first)
  if (first !== 0) rows.set(first, row.previousInProject, id)
  heads.set(project, id)
  parts.shownChanges += 1
}

function unlink(parts: CatalogueParts, id: number, project: NormalizedName): void {
  const { rows, heads } = parts
  const [previous, next] = [rows.get(id, row.previousInProject), rows.get(id, row.nextInProject)]
  if (next !== 0) rows.set(next, row.previousInProject, previous)
  if (previous !== 0) rows.set(previous, row.nextInProject, next)
  else if (next === 0) heads.delete(project)
  else heads.set(project, next)
  parts.shownChanges += 1
}

/** Whether pages may show the file of this row. */
export function isShownRow({ rows, inspections }: CatalogueParts, id: number): boolean {
  return !rows.has(id, row.isHeld) && !inspections.isTruncated(id)
}

function nameOf(entries: Uint32Array, at: number): string {
  const start = entries.byteOffset + (at + entryHeadWords) * 4
  return Buffer.from(entries.buffer, start, entries[at + 1]).toString()
}
