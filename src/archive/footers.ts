import { crc32 } from 'node:zlib'
import { badArchive, TruncatedArchiveError } from './archive-error.js'
import { type ByteSource, beginsLike, readExactly } from './byte-source.js'

// The square root of pi in BCD, which closes every bzip2 stream, before a CRC-32 and at most 7 bits of padding.
const bzip2EndMagic = 0x177245385090n
const bzip2EndBytes = 11
const xzFooterBytes = 12
// PKWARE's APPNOTE 6.3.10, section 4.3.16.
const zipEndMagic = 'PK\x05\x06'
const zipEndBytes = 22
const longestZipComment = 0xffff

/**
 * Checks that a bzip2 file begins and ends like one; what is between stays unread.
 * @throws `ERR_PYPI_BAD_ARCHIVE`; a `TruncatedArchiveError` when only the end is missing
 */
export function checkBzip2Ends(source: ByteSource): void {
  if (!beginsLike(source, 'BZh')) throw badArchive('not a bzip2 file')
  const bits = BigInt(`0x00${readTail(source, bzip2EndBytes).toString('hex')}`)
  const isEnd = (padding: number) => ((bits >> BigInt(32 + padding)) & 0xffffffffffffn) === bzip2EndMagic
  if (![0, 1, 2, 3, 4, 5, 6, 7].some(isEnd)) throw new TruncatedArchiveError('bzip2 file has no end')
}

/**
 * Checks that an xz file begins and ends like one (The .xz File Format 2.1.2); what is between stays unread.
 * @throws `ERR_PYPI_BAD_ARCHIVE`; a `TruncatedArchiveError` when only the end is missing
 */
export function checkXzEnds(source: ByteSource): void {
  if (!beginsLike(source, '\xfd7zXZ\0')) throw badArchive('not an xz file')
  const footer = readTail(source, xzFooterBytes)
  const isFooter = footer.toString('latin1', 10) === 'YZ' && crc32(footer.subarray(4, 10)) === footer.readUInt32LE(0)
  if (!isFooter) throw new TruncatedArchiveError('xz file has no end')
}

/**
 * Checks that a file which is no zip does not end like one either: Python would unpack it as a zip, other tools not.
 * @throws `ERR_PYPI_BAD_ARCHIVE`
 */
export function checkNoZipEnd(source: ByteSource): void {
  const tail = readTail(source, Math.min(source.size, zipEndBytes + longestZipComment))
  for (let at = tail.indexOf(zipEndMagic, 0, 'latin1'); at >= 0; at = tail.indexOf(zipEndMagic, at + 1, 'latin1')) {
    const comment = at + zipEndBytes
    if (comment <= tail.length && comment + tail.readUInt16LE(at + 20) === tail.length)
      throw badArchive('it is both a zip and a tar')
  }
}

function readTail(source: ByteSource, length: number): Buffer {
  if (source.size < length) throw new TruncatedArchiveError(`ends at byte ${source.size}`)
  return readExactly(source, source.size - length, length)
}
