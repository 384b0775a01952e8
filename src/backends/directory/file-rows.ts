import { createHashIndex, type HashIndex } from '../../util/hash-index.js'
import { chunkMask, createSlab, type Slab } from '../../util/slab.js'
import { entryHeadWords, identityWords, nameWords } from './file-entry.js'

// A row is all that is known of one file, about 190 bytes; its address stands for it. In words:
/** The rows of one project, or of one folder, hang together in both directions. */
export const nextInProject = 0
export const previousInProject = 1
export const nextInFolder = 2
export const previousInFolder = 3
const hash = 4
/** Which folder the file is in. */
export const folderId = 5
/** Which of the known `Requires-Python` it has; 0 for none. */
export const requiresPythonId = 6
/** In which read of its folder it was last there. */
export const lastRead = 7
/** Bits, see below; */
export const flags = 8
/** bytes of the name, and above them those of the second digest. */
const lengths = 9
export const identity = 10
/** Parts of the identity, see {@link IdentityStat}. */
export const modifiedTime = identity + 4
export const changedTime = identity + 6
export const sha256 = identity + identityWords
export const metadataSha256 = sha256 + 8
/** Words before the second digest, if the rows have one, and the name. */
export const headWords = metadataSha256 + 8
const extraDigestWords = 16

export const isLive = 1
/** A distribution file; others stand beside one. */
export const isDistribution = 2
export const isHeld = 4
/** Known from a snapshot and not seen since. */
export const isUnverified = 8
export const isDescribed = 16
export const hasMetadata = 32
/** Every digest is known. */
export const isDigested = 64
/** Two bits: an index into the states of archives. */
export const archiveStateShift = 8

/** Rows of files, found by name and folder. */
export interface FileRows {
  readonly get: (row: number, field: number) => number
  readonly set: (row: number, field: number, value: number) => void
  readonly has: (row: number, flag: number) => boolean
  readonly setFlag: (row: number, flag: number, value: 0 | 1) => void
  /** The chunk that holds the row. */
  readonly chunkOf: Slab['chunkOf']
  /** Where a field of the row stands in its chunk, in bytes. */
  readonly byteAt: (row: number, field: number) => number
  readonly nameOf: (row: number) => string
  /** Bytes where the second digest stands, as many as it has. */
  readonly extraOf: (row: number) => Buffer
  readonly setExtra: (row: number, digest: Uint8Array) => void
  /** Whether the file has the identity of this entry. */
  readonly isSame: (row: number, entries: Uint32Array, at: number) => boolean
  /** Whether nothing but the change time differs from this entry's, by which an identity ends. */
  readonly isTouched: (row: number, entries: Uint32Array, at: number) => boolean
  /** A time that stands in the row, in milliseconds. */
  readonly millisOf: (row: number, field: number) => number
  readonly setIdentity: (row: number, entries: Uint32Array, at: number) => void
  /** The row of an entry, as {@link EntryWriter} makes them, in a folder; 0 when there is none. */
  readonly find: (entries: Uint32Array, at: number, folder: number) => number
  /** Rows of this hash. */
  readonly ofHash: (hash: number) => readonly number[]
  /** A new row of an entry; all else is 0. */
  readonly add: (entries: Uint32Array, at: number, folder: number) => number
  readonly remove: (row: number) => void
  /** Words of the row. */
  readonly wordsOf: (row: number) => number
  /** Copies the row as it stands. */
  readonly copy: (row: number, into: Uint32Array, at: number) => void
  /** Takes a chunk of rows over; tells the address of its first word. */
  readonly adoptChunk: Slab['adopt']
  /** Takes in a row of such a chunk, in this folder. */
  readonly adopt: (row: number, folder: number) => void
  readonly count: () => number
}

interface State {
  readonly slab: Slab
  readonly index: HashIndex
  /** Word of the row at which its name begins. */
  readonly nameAt: number
}

/** No rows yet; `hasExtra` when each has room for a second digest. */
export function createFileRows({ hasExtra }: { readonly hasExtra: boolean }): FileRows {
  const slab = createSlab()
  const index = createHashIndex((row) => get(slab, row, hash))
  const state: State = { slab, index, nameAt: headWords + (hasExtra ? extraDigestWords : 0) }
  let count = 0
  return {
    get: (row, field) => get(slab, row, field),
    set: (row, field, value) => set(slab, row, field, value),
    has: (row, flag) => (get(slab, row, flags) & flag) !== 0,
    setFlag: (row, flag, value) =>
      set(slab, row, flags, value ? get(slab, row, flags) | flag : get(slab, row, flags) & ~flag),
    chunkOf: slab.chunkOf,
    byteAt,
    nameOf: (row) => nameOf(state, row),
    extraOf: (row) => {
      const start = byteAt(row, headWords)
      return slab.chunkOf(row).bytes.subarray(start, start + (get(slab, row, lengths) >>> 16))
    },
    setExtra: (row, digest) => {
      slab.chunkOf(row).bytes.set(digest, byteAt(row, headWords))
      set(slab, row, lengths, nameLength(slab, row) | (digest.length << 16))
    },
    isSame: (row, entries, at) => sameWords(slab, row, entries, at) >= identityWords,
    isTouched: (row, entries, at) => sameWords(slab, row, entries, at) >= changedTime - identity,
    // Nanoseconds in 64 bits with a sign.
    millisOf: (row, field) => ((get(slab, row, field + 1) | 0) * 2 ** 32 + get(slab, row, field)) / 1e6,
    setIdentity: (row, entries, at) =>
      slab.chunkOf(row).words.set(entries.subarray(at + 2, at + entryHeadWords), wordAt(row, identity)),
    find: (entries, at, folder) =>
      index.find(
        entries[at] as number,
        (row) => get(slab, row, folderId) === folder && isNamed(state, row, entries, at),
      ),
    ofHash: (wanted) => {
      const rows: number[] = []
      index.find(wanted, (row) => rows.push(row) < 0)
      return rows
    },
    add: (entries, at, folder) => {
      count += 1
      return add(state, entries, at, folder)
    },
    remove: (row) => {
      count -= 1
      index.remove(get(slab, row, hash), row)
      set(slab, row, flags, 0)
      slab.free(row, wordsOf(state, row))
    },
    wordsOf: (row) => wordsOf(state, row),
    copy: (row, into, at) => {
      const start = wordAt(row, 0)
      into.set(slab.chunkOf(row).words.subarray(start, start + wordsOf(state, row)), at)
    },
    adoptChunk: slab.adopt,
    adopt: (row, folder) => {
      for (const link of [nextInProject, previousInProject, nextInFolder, previousInFolder]) set(slab, row, link, 0)
      set(slab, row, folderId, folder)
      index.add(get(slab, row, hash), row)
      count += 1
    },
    count: () => count,
  }
}

function add({ slab, index, nameAt }: State, entries: Uint32Array, at: number, folder: number): number {
  const length = entries[at + 1] as number
  const row = slab.allocate(nameAt + nameWords(length))
  const { words } = slab.chunkOf(row)
  const start = wordAt(row, 0)
  words.fill(0, start, start + nameAt)
  words[start + hash] = entries[at] as number
  words[start + folderId] = folder
  words[start + lengths] = length
  words[start + flags] = isLive
  words.set(entries.subarray(at + 2, at + entryHeadWords), start + identity)
  words.set(entries.subarray(at + entryHeadWords, at + entryHeadWords + nameWords(length)), start + nameAt)
  index.add(entries[at] as number, row)
  return row
}

/** How many words of an identity agree, from the first on. */
function sameWords(slab: Slab, row: number, entries: Uint32Array, at: number): number {
  const { words } = slab.chunkOf(row)
  const start = wordAt(row, identity)
  let same = 0
  while (same < identityWords && words[start + same] === entries[at + 2 + same]) same += 1
  return same
}

function isNamed({ slab, nameAt }: State, row: number, entries: Uint32Array, at: number): boolean {
  const length = entries[at + 1] as number
  if (nameLength(slab, row) !== length) return false
  const { words } = slab.chunkOf(row)
  const start = wordAt(row, nameAt)
  for (let word = 0; word < nameWords(length); word += 1)
    if (words[start + word] !== entries[at + entryHeadWords + word]) return false
  return true
}

function nameOf({ slab, nameAt }: State, row: number): string {
  const start = byteAt(row, nameAt)
  return slab.chunkOf(row).bytes.toString('utf8', start, start + nameLength(slab, row))
}

function wordsOf({ slab, nameAt }: State, row: number): number {
  return nameAt + nameWords(nameLength(slab, row))
}

function nameLength(slab: Slab, row: number): number {
  return get(slab, row, lengths) & 0xffff
}

function get(slab: Slab, row: number, field: number): number {
  return slab.chunkOf(row).words[wordAt(row, field)] as number
}

function set(slab: Slab, row: number, field: number, value: number): void {
  slab.chunkOf(row).words[wordAt(row, field)] = value
}

function wordAt(row: number, field: number): number {
  return (row & chunkMask) + field
}

function byteAt(row: number, field: number): number {
  return wordAt(row, field) * 4
}
