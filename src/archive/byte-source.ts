import { readSync } from 'node:fs'
import { TruncatedArchiveError } from './archive-error.js'

// Node hands the length to C++ as a 32-bit integer and aborts the process on a larger one.
const maxReadBytes = 2 ** 31 - 1

/** Random access to the bytes of one file, synchronous because it is meant for worker threads. */
export interface ByteSource {
  /** Bytes. */
  readonly size: number
  /** Exactly `length` bytes from `position`, fewer only at the end. */
  read(position: number, length: number): Uint8Array
}

/**
 * Reads an open descriptor, which the caller keeps open meanwhile and closes; bytes past `size` are never read.
 * One read is at most 2³¹ − 1 bytes. Errors of the file system pass through.
 */
export function fileSource(fd: number, size: number): ByteSource {
  return { size, read: (position, length) => readFully(fd, position, clamp(position, length, size)) }
}

/** The same over bytes in memory; what it returns are views, not copies. */
export function memorySource(bytes: Uint8Array): ByteSource {
  const size = bytes.length
  return { size, read: (position, length) => bytes.subarray(position, position + clamp(position, length, size)) }
}

/**
 * Exactly `length` bytes.
 * @throws `ERR_PYPI_BAD_ARCHIVE`, a {@link TruncatedArchiveError}, when the source ends before
 */
export function readExactly(source: ByteSource, position: number, length: number): Buffer {
  const bytes = source.read(position, length)
  if (bytes.length < length) throw new TruncatedArchiveError(`ends at byte ${source.size} inside a record`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Whether the source begins with `magic` (one character per byte), or is too short to tell and agrees so far. */
export function beginsLike(source: ByteSource, magic: string): boolean {
  const head = Buffer.from(source.read(0, magic.length)).toString('latin1')
  return magic.startsWith(head)
}

function clamp(position: number, length: number, size: number): number {
  return Math.max(0, Math.min(length, size - position, maxReadBytes))
}

function readFully(fd: number, position: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(length)
  let filled = 0
  while (filled < length) {
    const count = readSync(fd, bytes, filled, length - filled, position + filled)
    if (count === 0) break
    filled += count
  }
  return bytes.subarray(0, filled)
}
