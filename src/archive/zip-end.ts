import { ArchiveLimitError, badArchive, TruncatedArchiveError } from './archive-error.js'
import { type ByteSource, beginsLike, readExactly } from './byte-source.js'

// Names and offsets follow PKWARE's APPNOTE 6.3.10, sections 4.3.14 to 4.3.16.
const localHeaderMagic = 'PK\x03\x04'
const endMagic = 'PK\x05\x06'
const endBytes = 22
const longestComment = 0xffff
const locatorMagic = 0x07064b50
const locatorBytes = 20
const end64Magic = 0x06064b50
const end64Bytes = 56
const maxDirectoryBytes = 64 * 2 ** 20

/** Limits of reading a zip's directory. */
export interface ZipDirectoryLimits {
  /** @default 200,000 */
  readonly maxMembers?: number
}

/** Where the central directory lies and how many members it announces. */
export interface DirectoryPlace {
  readonly offset: number
  /** Bytes. */
  readonly size: number
  readonly count: number
  /** Bytes of the comment at the end of the archive. */
  readonly commentBytes: number
}

interface EndRecord extends DirectoryPlace {
  /** Where the records after the central directory begin. */
  readonly start: number
  /** One past the comment. */
  readonly end: number
}

/**
 * Finds the one central directory that ends exactly where its end record begins, within the last 64 KiB. The directory
 * is at most 64 MiB.
 * @throws `ERR_PYPI_BAD_ARCHIVE`; a `TruncatedArchiveError` when the file begins like a zip and has no such record, an
 * `ArchiveLimitError` above a limit
 */
export function findDirectory(source: ByteSource, { maxMembers = 200_000 }: ZipDirectoryLimits = {}): DirectoryPlace {
  const [found, second] = fittingEnds(source)
  if (found === undefined) throw missingEnd(source)
  if (second !== undefined) throw badArchive('zip has more than one end of central directory that fits')
  if (found.end < source.size) throw badArchive(`zip is followed by ${source.size - found.end} other bytes`)
  if (found.size > maxDirectoryBytes)
    throw new ArchiveLimitError(`zip directory of ${found.size} bytes, the limit is ${maxDirectoryBytes}`)
  if (found.count > maxMembers) throw new ArchiveLimitError(`zip of ${found.count} members, the limit is ${maxMembers}`)
  return found
}

function missingEnd(source: ByteSource): Error {
  if (!beginsLike(source, localHeaderMagic)) return badArchive('not a zip archive')
  return new TruncatedArchiveError('zip has no central directory that fits before its end')
}

function fittingEnds(source: ByteSource): readonly EndRecord[] {
  const tailStart = Math.max(0, source.size - endBytes - longestComment)
  const tail = readExactly(source, tailStart, source.size - tailStart)
  const ends: EndRecord[] = []
  for (let at = tail.indexOf(endMagic, 0, 'latin1'); at >= 0; at = tail.indexOf(endMagic, at + 1, 'latin1')) {
    const record = endRecord(source, tail.subarray(at), tailStart + at)
    if (record !== undefined && record.offset + record.size === record.start) ends.push(record)
  }
  return ends
}

/** What the record at this position says, `undefined` when it cannot be one. */
function endRecord(source: ByteSource, bytes: Buffer, position: number): EndRecord | undefined {
  if (bytes.length < endBytes) return undefined
  const commentBytes = bytes.readUInt16LE(20)
  const end = position + endBytes + commentBytes
  if (end > source.size) return undefined
  const count = bytes.readUInt16LE(10)
  const size = bytes.readUInt32LE(12)
  const offset = bytes.readUInt32LE(16)
  const short = { start: position, end, count, size, offset, commentBytes }
  const long = end64Record(source, position)
  if (long !== undefined) return agree(short, long) ? { ...short, ...long } : undefined
  return isFirstDisk(bytes) && bytes.readUInt16LE(8) === count ? short : undefined
}

function isFirstDisk(bytes: Buffer): boolean {
  return bytes.readUInt16LE(4) === 0 && bytes.readUInt16LE(6) === 0
}

type Extent = Pick<DirectoryPlace, 'count' | 'size' | 'offset'>

/** A field is either repeated in both records or announced as too large for the short one (APPNOTE 4.4.1.4). */
function agree(short: Extent, long: Extent): boolean {
  return (
    (short.count === long.count || short.count === 0xffff) &&
    (short.size === long.size || short.size === 0xffffffff) &&
    (short.offset === long.offset || short.offset === 0xffffffff)
  )
}

/** The ZIP64 record that the locator right before the end record points at; both must be adjacent. */
function end64Record(source: ByteSource, endPosition: number): (Extent & Pick<EndRecord, 'start'>) | undefined {
  const start = endPosition - locatorBytes - end64Bytes
  if (start < 0) return undefined
  const bytes = readExactly(source, start, end64Bytes + locatorBytes)
  const locator = bytes.subarray(end64Bytes)
  if (locator.readUInt32LE(0) !== locatorMagic || locator.readBigUInt64LE(8) !== BigInt(start)) return undefined
  if (bytes.readUInt32LE(0) !== end64Magic || bytes.readBigUInt64LE(4) !== BigInt(end64Bytes - 12)) return undefined
  if (bytes.readUInt32LE(16) !== 0 || bytes.readUInt32LE(20) !== 0) return undefined
  const count = bytes.readBigUInt64LE(32)
  if (bytes.readBigUInt64LE(24) !== count) return undefined
  return {
    start,
    count: Number(count),
    size: Number(bytes.readBigUInt64LE(40)),
    offset: Number(bytes.readBigUInt64LE(48)),
  }
}
