import { errorCode, errorMessage } from '../errors.js'
import { badArchive } from './archive-error.js'
import { type ByteSource, readExactly } from './byte-source.js'
import { checkMemberPath, shownName } from './member-path.js'
import { isTarHeader, tarBlockBytes } from './tar-header.js'
import { localBytes, localMagic, type ZipDirectory, type ZipMember } from './zip.js'

// Names and offsets follow PKWARE's APPNOTE 6.3.10, sections 4.3.7 and 4.5.
const descriptorFlag = 0x0008
const encryptionFlags = 0x0001 | 0x0040 | 0x2000
const zip64Field = 0x0001
const unicodePathField = 0x7075
const zip64Lengths: readonly number[] = [0, 8, 16, 24, 28]
const absent32 = 0xffffffff

/** What either header says of a member. */
interface HeaderFields {
  readonly flags: number
  readonly method: number
  readonly crc32: number
  readonly size: number
  readonly compressedSize: number
}

/**
 * Checks that every unpacker reads a zip alike, whether it trusts the directory or the members' own headers, as PyPI
 * has demanded since 2025: each member once, in the order of the directory, without gaps, overlaps or anything before,
 * between and after them; both headers equal; stored or deflated; names in UTF-8, relative and clean. Reads every local
 * header, and no data.
 * @throws `ERR_PYPI_BAD_ARCHIVE`
 */
export function checkZipFraming(source: ByteSource, directory: ZipDirectory): void {
  try {
    checkMembers(source, directory)
  } catch (error) {
    if (errorCode(error) !== 'ERR_PYPI_BAD_ARCHIVE') throw error
    throw badArchive(`ZIP archive not accepted: ${errorMessage(error)}`, { cause: error })
  }
}

function checkMembers(source: ByteSource, { members, offset, commentBytes }: ZipDirectory): void {
  if (commentBytes > 0) throw badArchive('it has a comment')
  const names = new Set<string>()
  let position = 0
  for (const member of members) {
    checkName(member, names)
    if (member.headerOffset !== position) throw badArchive(misplaced(member, position))
    position = checkMember(source, member)
  }
  if (position !== offset) throw badArchive(`${offset - position} bytes are between the members and the directory`)
  if (source.size >= tarBlockBytes && isTarHeader(readExactly(source, 0, tarBlockBytes)))
    throw badArchive('it is both a zip and a tar')
}

function checkName({ name, rawName, commentBytes }: ZipMember, names: Set<string>): void {
  if (!Buffer.from(name).equals(rawName)) throw badArchive(`the name of member ${shownName(name)} is not UTF-8`)
  checkMemberPath(name)
  if (names.has(name)) throw badArchive(`member ${shownName(name)} is there twice`)
  names.add(name)
  if (commentBytes > 0) throw badArchive(`member ${shownName(name)} has a comment`)
}

function misplaced({ name, headerOffset }: ZipMember, position: number): string {
  const what =
    headerOffset > position ? 'does not follow on the member before it' : 'overlaps with the member before it'
  return `member ${shownName(name)} ${position === 0 ? 'is not at the beginning' : what}`
}

/** Checks a local header against the directory, and tells where the member ends. */
function checkMember(source: ByteSource, member: ZipMember): number {
  const { name, headerOffset, compressedSize } = member
  const header = readExactly(source, headerOffset, localBytes)
  if (header.readUInt32LE(0) !== localMagic) throw badArchive(`member ${shownName(name)} has no local header`)
  const nameBytes = header.readUInt16LE(26)
  const rest = readExactly(source, headerOffset + localBytes, nameBytes + header.readUInt16LE(28))
  if (!rest.subarray(0, nameBytes).equals(member.rawName))
    throw badArchive(`member ${shownName(name)} has another name in its local header`)
  checkPlain(member)
  checkExtra(name, member.extra)
  const extra = rest.subarray(nameBytes)
  checkExtra(name, extra)
  const disagreement = difference(member, localFields(header, extra))
  if (disagreement !== undefined)
    throw badArchive(`member ${shownName(name)} has another ${disagreement} in its local header`)
  return headerOffset + localBytes + rest.length + compressedSize
}

function checkPlain({ name, flags, method, size, compressedSize }: ZipMember): void {
  const shown = shownName(name)
  if ((flags & encryptionFlags) !== 0) throw badArchive(`member ${shown} is encrypted`)
  if ((flags & descriptorFlag) !== 0)
    throw badArchive(`member ${shown} has its sizes behind its data (written as a stream): zip into a file`)
  if (method !== 0 && method !== 8)
    throw badArchive(`member ${shown} is neither stored nor deflated (method ${method})`)
  if (method === 0 && size !== compressedSize) throw badArchive(`stored member ${shown} has two sizes`)
}

function checkExtra(name: string, extra: Uint8Array): void {
  const seen = new Set<number>()
  for (const { id, data } of extraFields(name, extra)) {
    if (id === zip64Field && !zip64Lengths.includes(data.length))
      throw badArchive(`member ${shownName(name)} has a zip64 field of ${data.length} bytes`)
    if (id === unicodePathField && data.toString('utf8', 5) !== name)
      throw badArchive(`member ${shownName(name)} has a second name`)
    if ((id === zip64Field || id === unicodePathField) && seen.has(id))
      throw badArchive(`member ${shownName(name)} repeats extra field ${id}`)
    seen.add(id)
  }
}

function* extraFields(name: string, extra: Uint8Array): Generator<{ readonly id: number; readonly data: Buffer }> {
  const bytes = Buffer.from(extra.buffer, extra.byteOffset, extra.length)
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 <= bytes.length ? at + 4 + bytes.readUInt16LE(at + 2) : Number.POSITIVE_INFINITY
    if (end > bytes.length) throw badArchive(`member ${shownName(name)} has an extra field that is cut off`)
    yield { id: bytes.readUInt16LE(at), data: bytes.subarray(at + 4, end) }
    at = end
  }
}

/** Sizes of 32 bits, or of 64 in the extra field: there a local header has both or none (APPNOTE 4.5.3). */
function localFields(header: Buffer, extra: Buffer): HeaderFields {
  const short = { compressedSize: header.readUInt32LE(18), size: header.readUInt32LE(22) }
  const wide = [...extraFields('', extra)].find(({ id }) => id === zip64Field)?.data
  const isWide = short.size === absent32 && short.compressedSize === absent32 && wide !== undefined && wide.length >= 16
  return {
    flags: header.readUInt16LE(6),
    method: header.readUInt16LE(8),
    crc32: header.readUInt32LE(14),
    ...(isWide ? { size: Number(wide.readBigUInt64LE(0)), compressedSize: Number(wide.readBigUInt64LE(8)) } : short),
  }
}

function difference(central: HeaderFields, local: HeaderFields): string | undefined {
  if (central.flags !== local.flags) return 'set of flags'
  if (central.method !== local.method) return 'compression method'
  if (central.crc32 !== local.crc32) return 'CRC-32'
  return central.size === local.size && central.compressedSize === local.compressedSize ? undefined : 'size'
}
