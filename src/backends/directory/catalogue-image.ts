import type { NormalizedName } from '../../backend.js'
import type { ShardedMap } from '../../util/sharded-map.js'
import { chunkWords, unitWords } from '../../util/slab.js'
import { nameWords } from './file-entry.js'
import * as row from './file-rows.js'
import type { FolderLists } from './folder-lists.js'
import type { Inspections } from './inspections.js'

/** What chunks of rows refer to by number. */
export interface ImageTables {
  readonly folders: readonly (readonly [root: number, path: string])[]
  readonly specifiers: readonly string[]
}

/** The parts of a catalogue that are written down. */
export interface ImageParts {
  readonly rows: row.FileRows
  readonly folders: FolderLists
  readonly inspections: Inspections
  readonly heads: ShardedMap<number>
  readonly link: (id: number, project: NormalizedName) => void
}

// The first word of a record tells what it is; 0 ends a chunk. In memory it is a link, which is made anew.
const kindWord = 0
const rowKind = 1
const projectKind = 2
const projectHeadWords = 2
const rowsPerPause = 500

/**
 * All files that are not held, project by project, as chunks of memory; `undefined` wherever other work may come in
 * between. What changes meanwhile is there as it was or as it is.
 */
export function* packChunks({ rows, heads }: ImageParts): Generator<Uint32Array | undefined> {
  let chunk = new Uint32Array(chunkWords)
  let at = unitWords
  let count = 0
  for (const name of heads.keys()) {
    const full: Uint32Array[] = []
    let namedIn: Uint32Array | undefined
    // Without a pause within a project: its rows hang together.
    for (let id = heads.get(name) ?? 0; id !== 0; id = rows.get(id, row.nextInProject)) {
      if (rows.has(id, row.isHeld)) continue
      const length = rows.wordsOf(id)
      if (at + projectWords(name) + padded(length) > chunkWords) {
        full.push(chunk)
        chunk = new Uint32Array(chunkWords)
        at = unitWords
      }
      if (namedIn !== chunk) at = writeProject(chunk, at, name)
      namedIn = chunk
      rows.copy(id, chunk, at)
      chunk[at + kindWord] = rowKind
      at += padded(length)
      count += 1
    }
    yield* full
    if (count < rowsPerPause) continue
    count = 0
    yield undefined
  }
  yield chunk
}

/** What {@link packChunks} refers to; to be asked for after the last chunk. */
export function imageTables({ folders, inspections }: ImageParts): ImageTables {
  return { folders: folders.all().map(({ root, path }) => [root, path]), specifiers: inspections.specifiers() }
}

/** Takes over a chunk as it stands; its files count as not verified. Tells which of them have no digest. */
export function adoptChunk(parts: ImageParts, chunk: Uint32Array, tables: ImageTables): readonly number[] {
  const { rows, folders, inspections } = parts
  const undigested: number[] = []
  const base = rows.adoptChunk(chunk)
  let project = '' as NormalizedName
  for (let at = unitWords; at < chunkWords && chunk[at] !== 0; ) {
    if (chunk[at] === projectKind) {
      project = readProject(chunk, at)
      at += projectWords(project)
      continue
    }
    const id = base + at
    at += padded(rows.wordsOf(id))
    const [root, path] = tables.folders[rows.get(id, row.folderId)] as readonly [number, string]
    const specifier = tables.specifiers[rows.get(id, row.requiresPythonId)] ?? ''
    rows.adopt(id, folders.at(root, path).id)
    rows.set(id, row.requiresPythonId, inspections.specifierId(specifier))
    rows.setFlag(id, row.isUnverified, 1)
    folders.add(id)
    parts.link(id, project)
    if (!rows.has(id, row.isDigested)) undigested.push(id)
  }
  return undigested
}

function writeProject(chunk: Uint32Array, at: number, name: string): number {
  const start = chunk.byteOffset + (at + projectHeadWords) * 4
  chunk[at + kindWord] = projectKind
  chunk[at + 1] = Buffer.from(chunk.buffer, start).write(name)
  return at + projectWords(name)
}

function readProject(chunk: Uint32Array, at: number): NormalizedName {
  const start = chunk.byteOffset + (at + projectHeadWords) * 4
  return Buffer.from(chunk.buffer, start, chunk[at + 1]).toString() as NormalizedName
}

function projectWords(name: string): number {
  return padded(projectHeadWords + nameWords(Buffer.byteLength(name)))
}

function padded(words: number): number {
  return Math.ceil(words / unitWords) * unitWords
}
