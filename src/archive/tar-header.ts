import { errorCode } from '../errors.js'
import { badArchive } from './archive-error.js'

/** Bytes of a header, and what data is padded to (POSIX.1-2024 pax, "ustar Interchange Format"). */
export const tarBlockBytes = 512

/** One header block. */
export interface TarHeader {
  /** With the ustar prefix, before any extension replaces it. */
  readonly name: string
  readonly type: string
  /** Bytes of data that the header declares. */
  readonly size: number
  /** Where a link leads, before any extension replaces it. */
  readonly target: string
}

/** What pax records may say about the member after them. */
export interface PaxRecords {
  readonly path?: string
  readonly size?: number
  readonly target?: string
}

/**
 * Reads one header block: ustar, GNU or older; numbers in octal or base-256.
 * @throws `ERR_PYPI_BAD_ARCHIVE`
 */
export function parseTarHeader(block: Buffer): TarHeader {
  checkChecksum(block)
  const name = text(block.subarray(0, 100))
  // GNU's "ustar  " keeps times where POSIX has the prefix.
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? text(block.subarray(345, 500)) : ''
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: block.toString('latin1', 156, 157),
    size: parseNumber(block.subarray(124, 136)),
    target: text(block.subarray(157, 257)),
  }
}

/**
 * Reads the records of a pax extended header: `<length> <key>=<value>\n`, the later of two winning.
 * @throws `ERR_PYPI_BAD_ARCHIVE`, also for sparse members
 */
export function parsePaxRecords(data: Buffer): PaxRecords {
  const records = new Map<string, string>()
  for (let at = 0; at < data.length; ) {
    const { key, value, end } = paxRecord(data, at)
    if (key.startsWith('GNU.sparse.')) throw badArchive('tar holds a sparse member')
    records.set(key, value)
    at = end
  }
  // POSIX: an empty value means that the keyword is not set.
  const path = records.get('path') || undefined
  const size = records.get('size') || undefined
  const target = records.get('linkpath') || undefined
  if (path?.includes('\0') || target?.includes('\0')) throw badArchive('pax path holds a zero byte')
  return {
    ...(path !== undefined && { path }),
    ...(size !== undefined && { size: paxSize(size) }),
    ...(target !== undefined && { target }),
  }
}

/** Whether a block would be read as a header. */
export function isTarHeader(block: Buffer): boolean {
  try {
    checkChecksum(block)
    return block.some((byte) => byte !== 0)
  } catch (error) {
    if (errorCode(error) !== 'ERR_PYPI_BAD_ARCHIVE') throw error
    return false
  }
}

/** A field of text up to its first zero byte. */
export function text(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? field.length : end)
}

function paxRecord(data: Buffer, at: number): { key: string; value: string; end: number } {
  const space = data.indexOf(' ', at, 'latin1')
  const digits = data.toString('latin1', at, Math.min(space, at + 9))
  const end = at + Number(digits)
  if (!/^[1-9][0-9]*$/.test(digits) || end <= space || end > data.length || data[end - 1] !== 0x0a)
    throw badArchive('pax record has a wrong length')
  const record = data.toString('utf8', space + 1, end - 1)
  const equals = record.indexOf('=')
  if (equals < 1) throw badArchive('pax record has no keyword')
  return { key: record.slice(0, equals), value: record.slice(equals + 1), end }
}

function paxSize(value: string): number {
  const size = Number(value)
  if (!/^[0-9]+$/.test(value) || !Number.isSafeInteger(size)) throw badArchive('pax size is not a number of bytes')
  return size
}

function checkChecksum(block: Buffer): void {
  const field = block.subarray(148, 156)
  let unsigned = 0
  let signed = 0
  for (const [index, byte] of block.entries()) {
    const value = index >= 148 && index < 156 ? 0x20 : byte
    unsigned += value
    signed += value > 127 ? value - 256 : value
  }
  // Some old archivers summed signed characters.
  const claimed = parseNumber(field)
  if (claimed !== unsigned && claimed !== signed) throw badArchive('tar header has a wrong checksum')
}

function parseNumber(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) return parseBase256(field)
  const digits = text(field).trim()
  if (!/^[0-7]*$/.test(digits)) throw badArchive('tar header has a field that is not octal')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

/** GNU: the top bit marks a big-endian number, all ones in the first byte a negative one. */
function parseBase256(field: Buffer): number {
  let value = 0
  for (const [index, byte] of field.entries()) value = value * 256 + (index === 0 ? byte & 0x7f : byte)
  if (!Number.isSafeInteger(value)) throw badArchive('tar header has a number out of range')
  return value
}
