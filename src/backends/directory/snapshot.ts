import { open, rename } from 'node:fs/promises'
import { relative } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { discard } from '../../digests/spool.js'
import { chunkWords } from '../../util/slab.js'
import type { Catalogue } from './catalogue.js'
import type { ImageTables } from './catalogue-image.js'

// A head of words, chunks of rows as they stand in memory, and tables as JSON. Words are in the order of bytes of the
// machine, so that the first one tells whether it is this machine's.

/** First word of a snapshot. */
export const snapshotMagic = 0x70797069
/** Changes with every change of the rows or of this file. */
export const snapshotVersion = 1
/** Words of the head: magic, version, number of chunks, bytes of the tables, checksum of all that follows. */
export const snapshotHeadWords = 5

/** What stands behind the chunks. */
export interface SnapshotTables extends ImageTables {
  /** Relative to the first root: a directory that was moved stays known. */
  readonly roots: readonly string[]
  readonly algorithms: readonly string[]
}

/** A snapshot as it was read, whole and undamaged. */
export interface Snapshot {
  readonly chunks: Uint32Array
  readonly tables: SnapshotTables
}

/** What a snapshot must agree with. */
export interface SnapshotScope {
  /** Absolute paths. */
  readonly roots: readonly string[]
  readonly algorithms: readonly string[]
}

/** Writes the catalogue down, whole or not at all, a little at a time. */
export async function saveSnapshot(path: string, catalogue: Catalogue, scope: SnapshotScope): Promise<void> {
  const temporary = `${path}.${process.pid}.new`
  const handle = await open(temporary, 'w', 0o644)
  try {
    const head = new Uint32Array(snapshotHeadWords)
    let position = head.byteLength
    let checksum = 0
    const append = async (bytes: Uint8Array): Promise<void> => {
      checksum = crc32(bytes, checksum)
      await handle.write(bytes, 0, bytes.length, position)
      position += bytes.length
    }
    let chunks = 0
    for (const chunk of catalogue.pack()) {
      if (chunk === undefined) await setImmediate()
      else {
        await append(bytesOf(chunk))
        chunks += 1
      }
    }
    const tables = Buffer.from(JSON.stringify({ ...catalogue.tables(), ...scopeTables(scope) }))
    await append(tables)
    head.set([snapshotMagic, snapshotVersion, chunks, tables.length, checksum])
    await handle.write(bytesOf(head), 0, head.byteLength, 0)
    await handle.close()
    await rename(temporary, path)
  } catch (error) {
    await handle.close()
    await discard(temporary)
    throw error
  }
}

/** Takes a snapshot into an empty catalogue, a little at a time; tells which files have no digest yet. */
export async function takeSnapshot({ chunks, tables }: Snapshot, catalogue: Catalogue): Promise<readonly number[]> {
  const undigested: number[] = []
  for (let start = 0; start < chunks.length; start += chunkWords) {
    undigested.push(...catalogue.adopt(chunks.subarray(start, start + chunkWords), tables))
    await setImmediate()
  }
  return undigested
}

/** Whether a snapshot is of these directories and has these digests. */
export function isOfScope({ tables: { roots, algorithms } }: Snapshot, scope: SnapshotScope): boolean {
  const wanted = scopeTables(scope)
  return JSON.stringify([roots, algorithms]) === JSON.stringify([wanted.roots, wanted.algorithms])
}

function scopeTables({ roots, algorithms }: SnapshotScope): Omit<SnapshotTables, keyof ImageTables> {
  return { roots: roots.map((root) => relative(roots[0] ?? '', root)), algorithms }
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
}
