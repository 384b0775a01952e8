import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { chunkWords } from '../../util/slab.js'
import { type Snapshot, snapshotHeadWords, snapshotMagic, snapshotVersion } from './snapshot.js'

/**
 * Reads a snapshot in one pass, blocking: for threads. `undefined` for whatever is none that this version wrote on such a
 * machine, or is damaged: it is only a cache.
 */
export function readSnapshot(path: string): Snapshot | undefined {
  try {
    const fd = openSync(path, 'r')
    try {
      return read(fd)
    } finally {
      closeSync(fd)
    }
  } catch {
    // Whatever cannot be read is as good as not written.
    return undefined
  }
}

function read(fd: number): Snapshot | undefined {
  const head = new Uint32Array(snapshotHeadWords)
  if (!readFully(fd, head, 0)) return undefined
  const [magic, version, count = 0, tableBytes = 0, checksum] = head
  if (magic !== snapshotMagic || version !== snapshotVersion) return undefined
  const chunkBytes = count * chunkWords * 4
  if (fstatSync(fd).size !== head.byteLength + chunkBytes + tableBytes) return undefined
  const chunks = new Uint32Array(count * chunkWords)
  const tables = new Uint8Array(tableBytes)
  if (!readFully(fd, chunks, head.byteLength) || !readFully(fd, tables, head.byteLength + chunkBytes)) return undefined
  if (crc32(tables, crc32(new Uint8Array(chunks.buffer))) !== checksum) return undefined
  return { chunks, tables: JSON.parse(Buffer.from(tables).toString()) }
}

const maxReadBytes = 64 * 1024 * 1024

function readFully(fd: number, into: Uint8Array | Uint32Array, position: number): boolean {
  const bytes = new Uint8Array(into.buffer)
  let filled = 0
  while (filled < bytes.length) {
    const count = readSync(fd, bytes, filled, Math.min(bytes.length - filled, maxReadBytes), position + filled)
    if (count === 0) return false
    filled += count
  }
  return true
}
