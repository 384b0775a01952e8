import { LRUCache } from 'lru-cache'
import type { DistributionFile, FileAtHand, FilePart, NormalizedName } from '../../backend.js'
import type { CatalogueFile } from './catalogue.js'
import { absolutePath } from './layout.js'
import { contentEtag } from './open-file.js'
import type { DirectoryState } from './state.js'
import { fileAt, startedAndTold } from './told.js'
import { toDistributionFile } from './view.js'

/** Files that somebody found, for as long as nothing changes in their projects. */
export interface FilesAtHand {
  /** By path. */
  readonly found: LRUCache<string, FoundRecord>
  /** One for each project that files were found in; a change of the project deletes it. */
  readonly marks: LRUCache<NormalizedName, object>
  /** By what is kept of their bytes, so that nothing here outlives that. */
  readonly parts: WeakMap<object, ReadyPart>
}

interface FoundRecord {
  readonly file: DistributionFile
  readonly entry: CatalogueFile
  readonly absolutePath: string
  readonly mark: object
}

interface ReadyPart {
  readonly record: FoundRecord
  readonly atHand: FileAtHand
}

// About 1 KiB each, without the bytes: those are in the caches of files and metadata, which have bounds of their own.
const filesFound = 10_000

/** No files yet. */
export function createFilesAtHand(): FilesAtHand {
  return { found: new LRUCache({ max: filesFound }), marks: new LRUCache({ max: filesFound }), parts: new WeakMap() }
}

/** The file at this path; `undefined` only when it is known that none is served there. */
export async function findFile(
  state: DirectoryState,
  path: string,
  signal: AbortSignal | undefined,
): Promise<DistributionFile | undefined> {
  const { documents } = await startedAndTold(state, signal)
  const found = await fileAt(state, path, signal)
  if (found === undefined) return undefined
  const mark = markOf(state, found.project)
  // As of the mark: what changes from here on takes it away.
  const entry = state.catalogue.atPath(path) ?? found
  const document = await documents.read(entry.project)
  if (document.status?.status === 'quarantined') return undefined
  const file = toDistributionFile(state, entry, document)
  // What is not hashed yet will change without anybody changing it.
  if (entry.inspection?.hashes !== undefined && !entry.isUnverified && isCurrent(state, entry.project, mark))
    state.atHand.found.set(path, { file, entry, absolutePath: absolutePath(state, entry), mark })
  return file
}

/** The file and a part of it, if they are in memory and still what anybody would find and open now. */
export function fileAtHand(state: DirectoryState, path: string, part: FilePart): FileAtHand | undefined {
  const { isClosed, started, atHand } = state
  if (isClosed || started === undefined || started.tracker.problem() !== undefined) return undefined
  const record = atHand.found.get(path)
  if (record === undefined) return undefined
  if (isCurrent(state, record.entry.project, record.mark)) return partOf(state, record, part)
  atHand.found.delete(path)
  return undefined
}

function partOf(state: DirectoryState, record: FoundRecord, part: FilePart): FileAtHand | undefined {
  const { entry, absolutePath } = record
  switch (part) {
    case 'content':
      return keptPart(state, record, absolutePath, (identity) => contentEtag(entry, identity))
    case 'signature':
      return keptPart(state, record, `${absolutePath}.asc`, (identity) => identity)
    case 'metadata': {
      const metadata = state.started?.inspector.metadataAtHand(entry)
      if (metadata === undefined) return undefined
      const { bytes, sha256 } = metadata
      return ready(state, record, bytes, { body: bytes, etag: sha256, modifiedMs: entry.state.modifiedMs })
    }
    case 'provenance':
      return undefined
  }
}

function keptPart(
  state: DirectoryState,
  record: FoundRecord,
  path: string,
  etagOf: (identity: string) => string | undefined,
): FileAtHand | undefined {
  const kept = state.files.get(path)
  if (kept === undefined || !('bytes' in kept)) return undefined
  const etag = etagOf(kept.found.identity)
  if (etag === undefined) return undefined
  return ready(state, record, kept, { body: kept.bytes, etag, modifiedMs: kept.found.modifiedMs })
}

/** The same object until something changes. */
function ready(
  { atHand }: DirectoryState,
  record: FoundRecord,
  of: object,
  part: Omit<FileAtHand['opened'], 'size'>,
): FileAtHand {
  const known = atHand.parts.get(of)
  if (known?.record === record) return known.atHand
  const made = { file: record.file, opened: { ...part, size: part.body.length } }
  atHand.parts.set(of, { record, atHand: made })
  return made
}

function markOf({ atHand }: DirectoryState, project: NormalizedName): object {
  const known = atHand.marks.get(project)
  if (known !== undefined) return known
  const mark = {}
  atHand.marks.set(project, mark)
  return mark
}

function isCurrent({ atHand }: DirectoryState, project: NormalizedName, mark: object): boolean {
  return atHand.marks.get(project) === mark
}
