import { crc32, inflateRawSync } from 'node:zlib'
import { ArchiveLimitError, badArchive } from './archive-error.js'
import { type ByteSource, readExactly } from './byte-source.js'
import { findDirectory, type ZipDirectoryLimits } from './zip-end.js'

// Names and offsets follow PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.5.
/** First bytes of a local header, as a little-endian number. */
export const localMagic = 0x04034b50
/** Bytes of a local header without its name and extra field. */
export const localBytes = 30
const centralMagic = 0x02014b50
const centralBytes = 46
const encryptionFlags = 0x0001 | 0x0040 | 0x2000
const descriptorFlag = 0x0008
const zip64Field = 0x0001
const unicodePathField = 0x7075
// The upper half of the external attributes is the mode, where the archive was made on Unix; elsewhere it is 0.
const fileTypeBits = 0o170000
const linkType = 0o120000
const absent32 = 0xffffffff

/** One member as the central directory describes it; only {@link readZipMember} checks that against its own header. */
export interface ZipMember {
  /** Decoded as UTF-8; members whose bytes are not UTF-8 are listed so, and never read. */
  readonly name: string
  /** The bytes of `name`. */
  readonly rawName: Uint8Array
  /** A different name that some unpackers prefer (Info-ZIP's Unicode path, extra field 0x7075). */
  readonly otherName?: string
  readonly flags: number
  /** 0 stored, 8 deflate. */
  readonly method: number
  readonly crc32: number
  /** Bytes in the archive. */
  readonly compressedSize: number
  /** Bytes unpacked, as declared. */
  readonly size: number
  /** Where the local header lies. */
  readonly headerOffset: number
  /** The central header's extra field, unread. */
  readonly extra: Uint8Array
  /** Bytes of the central header's comment. */
  readonly commentBytes: number
  /** A symbolic link, which holds the path that it leads to. */
  readonly isLink: boolean
}

/** The members of a zip, in the order of its central directory, duplicates included. */
export interface ZipDirectory {
  readonly members: readonly ZipMember[]
  /** Where the central directory begins: no member reaches beyond. */
  readonly offset: number
  /** Bytes of the comment at the end of the archive. */
  readonly commentBytes: number
}

/** Limits of {@link readZipMember}. */
export interface ZipMemberLimits {
  /** Bytes of the unpacked member. @default 8 MiB */
  readonly maxBytes?: number
}

/**
 * Lists a zip or zip64 in a few bounded reads: the last 64 KiB and a central directory of at most 64 MiB. Every offset
 * has been checked against the size.
 * @throws `ERR_PYPI_BAD_ARCHIVE`; a `TruncatedArchiveError` when the end is missing, an `ArchiveLimitError` above a limit
 */
export function readZipDirectory(source: ByteSource, limits: ZipDirectoryLimits = {}): ZipDirectory {
  const { offset, size, count, commentBytes } = findDirectory(source, limits)
  const bytes = readExactly(source, offset, size)
  const members: ZipMember[] = []
  for (let at = 0; at < size; ) {
    const length = centralLength(bytes, at)
    if (members.length === count) throw badArchive(`zip directory lists more than the ${count} members it announces`)
    members.push(centralMember(bytes.subarray(at, at + length), offset))
    at += length
  }
  if (members.length < count) throw badArchive(`zip directory lists ${members.length} of ${count} members`)
  return { members, offset, commentBytes }
}

/**
 * Unpacks one member: stored or deflated, not encrypted, named alike in both headers, with the size and CRC-32 that
 * the directory declares.
 * @throws `ERR_PYPI_BAD_ARCHIVE`; an `ArchiveLimitError` when it is larger than the limit
 */
export function readZipMember(source: ByteSource, member: ZipMember, limits: ZipMemberLimits = {}): Uint8Array {
  const { maxBytes = 8 * 2 ** 20 } = limits
  checkReadable(member, maxBytes)
  const header = readExactly(source, member.headerOffset, localBytes)
  if (header.readUInt32LE(0) !== localMagic) throw badArchive(`zip member ${member.name} has no local header`)
  const nameBytes = header.readUInt16LE(26)
  const dataStart = nameBytes + header.readUInt16LE(28)
  const rest = readExactly(source, member.headerOffset + localBytes, dataStart + member.compressedSize)
  checkLocalHeader(member, header, rest.subarray(0, nameBytes))
  const data = unpack(member, rest.subarray(dataStart))
  if (data.length !== member.size)
    throw badArchive(`zip member ${member.name} has ${data.length} bytes, declared are ${member.size}`)
  if (crc32(data) !== member.crc32) throw badArchive(`zip member ${member.name} has a wrong CRC-32`)
  return data
}

function centralLength(bytes: Buffer, at: number): number {
  if (at + centralBytes > bytes.length || bytes.readUInt32LE(at) !== centralMagic)
    throw badArchive(`zip directory has no member header at byte ${at}`)
  const length = centralBytes + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32)
  if (at + length > bytes.length) throw badArchive(`zip directory ends inside the member header at byte ${at}`)
  return length
}

function centralMember(header: Buffer, directoryOffset: number): ZipMember {
  const nameEnd = centralBytes + header.readUInt16LE(28)
  const rawName = header.subarray(centralBytes, nameEnd)
  const extra = header.subarray(nameEnd, nameEnd + header.readUInt16LE(30))
  const name = rawName.toString('utf8')
  const otherName = unicodePath(extra, name)
  const member = {
    name,
    rawName,
    ...(otherName !== undefined && { otherName }),
    flags: header.readUInt16LE(8),
    method: header.readUInt16LE(10),
    crc32: header.readUInt32LE(16),
    extra,
    commentBytes: header.readUInt16LE(32),
    isLink: (header.readUInt16LE(40) & fileTypeBits) === linkType,
    ...wideFields(header, extra),
  }
  // The local header's extra field has a length of its own, so this is the least that the member can occupy.
  if (member.headerOffset + localBytes + rawName.length + member.compressedSize > directoryOffset)
    throw badArchive(`zip member ${name} reaches into the directory`)
  return member
}

/** Sizes and offset, each from the ZIP64 extra field where the header says so (APPNOTE 4.5.3: in this order). */
function wideFields(header: Buffer, extra: Buffer): Pick<ZipMember, 'size' | 'compressedSize' | 'headerOffset'> {
  const wide = extra.length === 0 ? undefined : extraField(extra, zip64Field)
  let at = 0
  const field = (position: number): number => {
    const value = header.readUInt32LE(position)
    if (value !== absent32 || wide === undefined) return value
    if (at + 8 > wide.length) throw badArchive('zip64 extra field is too short')
    at += 8
    return Number(wide.readBigUInt64LE(at - 8))
  }
  const size = field(24)
  const compressedSize = field(20)
  return { size, compressedSize, headerOffset: field(42) }
}

function unicodePath(extra: Buffer, name: string): string | undefined {
  const field = extra.length === 0 ? undefined : extraField(extra, unicodePathField)
  const path = field?.toString('utf8', 5)
  return path === name ? undefined : path
}

function extraField(extra: Buffer, id: number): Buffer | undefined {
  let found: Buffer | undefined
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2)
    // Some tools pad with bytes that are no field: whatever does not fit is padding.
    if (end > extra.length) break
    if (extra.readUInt16LE(at) === id) {
      if (found !== undefined) throw badArchive(`zip member repeats extra field ${id}`)
      found = extra.subarray(at + 4, end)
    }
    at = end
  }
  return found
}

function checkReadable(member: ZipMember, maxBytes: number): void {
  const { name, method, size, compressedSize } = member
  if (!Buffer.from(name).equals(member.rawName)) throw badArchive('zip member name is not UTF-8')
  if ((member.flags & encryptionFlags) !== 0) throw badArchive(`zip member ${name} is encrypted`)
  if (method !== 0 && method !== 8) throw badArchive(`zip member ${name} has compression method ${method}`)
  // Deflate may grow what it packs, but by far less than this.
  if (size > maxBytes || compressedSize > maxBytes + 2 ** 16)
    throw new ArchiveLimitError(
      `zip member ${name} is of ${Math.max(size, compressedSize)} bytes, the limit is ${maxBytes}`,
    )
}

function checkLocalHeader(member: ZipMember, header: Buffer, rawName: Buffer): void {
  const { name } = member
  if (!rawName.equals(member.rawName)) throw badArchive(`zip member ${name} has another name in its local header`)
  if (header.readUInt16LE(8) !== member.method)
    throw badArchive(`zip member ${name} has another method in its local header`)
  // With bit 3 the local header leaves these to a descriptor after the data; zip64 leaves the sizes to an extra field.
  if ((header.readUInt16LE(6) & descriptorFlag) !== 0) return
  const disagrees =
    header.readUInt32LE(14) !== member.crc32 ||
    ![member.compressedSize, absent32].includes(header.readUInt32LE(18)) ||
    ![member.size, absent32].includes(header.readUInt32LE(22))
  if (disagrees) throw badArchive(`zip member ${name} has another size or CRC-32 in its local header`)
}

function unpack(member: ZipMember, packed: Buffer): Buffer {
  if (member.method === 0) return packed
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, member.size) })
  } catch (cause) {
    throw badArchive(`zip member ${member.name} does not inflate to the ${member.size} bytes declared`, { cause })
  }
}
