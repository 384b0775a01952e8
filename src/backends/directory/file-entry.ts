import { type FileState, fileState, type IdentityStat } from './layout.js'

// Names and identities of files as words of 32 bits: what the directory thread sends is compared as it stands, without
// making objects of what did not change.

/** Words of an identity: inode, size, modification and change time, 64 bits each. */
export const identityWords = 8

/** Words before the name of an entry: hash, length of the name in bytes, identity. */
export const entryHeadWords = 2 + identityWords

/** A hash of 32 bits that names in any letter case share. */
export function nameHash(name: string): number {
  const lower = name.toLowerCase()
  let hash = 0x811c9dc5
  for (let at = 0; at < lower.length; at += 1) hash = Math.imul(hash ^ lower.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Words that a name of this many bytes takes, padded with zeros. */
export function nameWords(nameBytes: number): number {
  return (nameBytes + 3) >>> 2
}

/** Writes an identity of {@link identityWords} words at a byte offset. */
export function writeIdentity(bytes: Buffer, offset: number, { ino, size, mtimeNs, ctimeNs }: IdentityStat): void {
  bytes.writeBigUInt64LE(BigInt.asUintN(64, ino), offset)
  bytes.writeBigUInt64LE(size, offset + 8)
  bytes.writeBigInt64LE(BigInt.asIntN(64, mtimeNs), offset + 16)
  bytes.writeBigInt64LE(BigInt.asIntN(64, ctimeNs), offset + 24)
}

/** The state of a file out of its identity. */
export function readState(bytes: Buffer, offset: number): FileState {
  return fileState({
    ino: bytes.readBigUInt64LE(offset),
    size: bytes.readBigUInt64LE(offset + 8),
    mtimeNs: bytes.readBigInt64LE(offset + 16),
    ctimeNs: bytes.readBigInt64LE(offset + 24),
  })
}

/** Collects entries; `take` tells them and begins anew. */
export interface EntryWriter {
  readonly add: (name: string, stat: IdentityStat) => void
  readonly take: () => Uint32Array<ArrayBuffer>
}

/** Room for the longest names that file systems know. */
const maxEntryWords = entryHeadWords + nameWords(255 * 4)

/** A writer of up to `most` entries at a time. */
export function createEntryWriter(most: number): EntryWriter {
  const words = new Uint32Array(most * maxEntryWords)
  const bytes = Buffer.from(words.buffer)
  let used = 0
  return {
    add: (name, stat) => {
      const nameAt = (used + entryHeadWords) * 4
      const length = bytes.write(name, nameAt)
      bytes.fill(0, nameAt + length, nameAt + nameWords(length) * 4)
      words[used] = nameHash(name)
      words[used + 1] = length
      writeIdentity(bytes, (used + 2) * 4, stat)
      used += entryHeadWords + nameWords(length)
    },
    take: () => {
      const taken = words.slice(0, used)
      used = 0
      return taken
    },
  }
}
