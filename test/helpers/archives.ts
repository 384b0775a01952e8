import { createHash } from 'node:crypto'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'

/** What a builder makes: the same bytes for the same input, always. */
export interface BuiltArchive {
  readonly filename: string
  readonly bytes: Buffer
  /** METADATA or PKG-INFO as it stands in the archive. */
  readonly metadata: Buffer
}

/** What goes into a distribution. */
export interface DistributionOptions {
  readonly name: string
  readonly version: string
  readonly requiresPython?: string
  readonly requiresDist?: readonly string[]
  /** Further members by path; in an sdist below its top directory. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  /** Replaces the whole generated METADATA or PKG-INFO. */
  readonly metadata?: string | Uint8Array
}

export interface WheelOptions extends DistributionOptions {
  /** @default py3-none-any */
  readonly tag?: string
  readonly build?: string
  /** How members are packed; `stored` is made several times faster. @default deflate */
  readonly method?: ZipEntry['method']
}

/** A pure wheel that pip installs: METADATA, WHEEL, RECORD with right digests and the module `<name>/__init__.py`. */
export function wheel(options: WheelOptions): BuiltArchive {
  const { name, version, tag = 'py3-none-any', build, method = 'deflate', files = {} } = options
  const stem = `${filenamePart(name)}-${versionPart(version)}`
  const info = `${stem}.dist-info`
  const metadata = coreMetadata(options, '2.1')
  const members = new Map<string, Buffer>([[`${filenamePart(name)}/__init__.py`, moduleText(version)]])
  for (const [path, data] of Object.entries(files)) members.set(path, Buffer.from(data))
  members.set(`${info}/METADATA`, metadata)
  members.set(`${info}/WHEEL`, wheelText(tag, build))
  members.set(`${info}/RECORD`, recordText(members, `${info}/RECORD`))
  return {
    filename: `${stem}${build === undefined ? '' : `-${build}`}-${tag}.whl`,
    bytes: zip([...members].map(([path, data]) => ({ name: path, data, method }))),
    metadata,
  }
}

/** An sdist as PEP 625 wants it: PKG-INFO, pyproject.toml (setuptools), setup.py and the module. */
export function sdist(options: DistributionOptions): BuiltArchive {
  const { name, version, files = {} } = options
  const stem = `${filenamePart(name)}-${versionPart(version)}`
  const metadata = coreMetadata(options, '2.2')
  const members: Record<string, string | Uint8Array> = {
    'PKG-INFO': metadata,
    'pyproject.toml': '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n',
    'setup.py': setupText(options),
    [`${filenamePart(name)}/__init__.py`]: moduleText(version),
    ...files,
  }
  const entries = Object.entries(members).map(([path, data]) => ({ name: `${stem}/${path}`, data }))
  return { filename: `${stem}.tar.gz`, bytes: tarGz(entries), metadata }
}

/** One member of {@link zip}. Everything after `method` lies. */
export interface ZipEntry {
  readonly name: string | Uint8Array
  readonly data: string | Uint8Array
  /** @default deflate */
  readonly method?: 'stored' | 'deflate'
  readonly localName?: string
  readonly crc32?: number
  /** Unpacked bytes, in both headers. */
  readonly size?: number
  readonly compressedSize?: number
  /** Bytes that the local header alone declares. */
  readonly localSize?: number
  readonly headerOffset?: number
  /** Added to the general purpose flags: 1 encrypted, 8 sizes after the data. */
  readonly flags?: number
  /** Number of a compression method that the data does not have. */
  readonly methodNumber?: number
  /** Extra field of the central header. */
  readonly extra?: Uint8Array
}

/** The end of {@link zip}; what is not given is right. */
export interface ZipOptions {
  readonly comment?: string
  /** Adds the ZIP64 records and saturates the short one. */
  readonly zip64?: boolean
  readonly count?: number
  readonly directorySize?: number
  readonly directoryOffset?: number
  /** Stands before the first member; offsets count it. */
  readonly leading?: string
}

/** A zip of these members in this order; duplicates are kept. */
export function zip(entries: readonly ZipEntry[], options: ZipOptions = {}): Buffer {
  const locals: Buffer[] = []
  const centrals: Buffer[] = []
  const leading = Buffer.from(options.leading ?? '')
  let offset = leading.length
  for (const entry of entries) {
    const { local, central } = zipHeaders(entry, offset)
    locals.push(local)
    centrals.push(central)
    offset += local.length
  }
  const directory = Buffer.concat(centrals)
  const { count = entries.length, directorySize = directory.length, directoryOffset = offset } = options
  const end = { count, directorySize, directoryOffset, comment: Buffer.from(options.comment ?? '') }
  const tail = options.zip64 ? zip64End(end, directoryOffset + directorySize) : zipEnd(end)
  return Buffer.concat([leading, ...locals, directory, tail])
}

/** One member of {@link tar}. */
export interface TarEntry {
  readonly name: string
  readonly data?: string | Uint8Array
  /** @default 0, a regular file */
  readonly type?: string
  /** Bytes that the header declares. */
  readonly size?: number
  readonly prefix?: string
  /** Where a link leads. */
  readonly linkTarget?: string
  /** Writes the size in base-256. */
  readonly base256?: boolean
  /** Breaks the checksum. */
  readonly badChecksum?: boolean
}

/** A ustar archive with its two closing blocks. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const data = Buffer.from(entry.data ?? '')
    return [tarHeader(entry, data.length), data, Buffer.alloc((512 - (data.length % 512)) % 512)]
  })
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}

/** The same, gzipped. */
export function tarGz(entries: readonly TarEntry[]): Buffer {
  return gzip(tar(entries))
}

/** One gzip member without time and system. */
export function gzip(data: Uint8Array): Buffer {
  const bytes = gzipSync(data)
  // zlib writes the system it was built for.
  bytes[9] = 255
  return bytes
}

/** Bytes that no compression makes smaller, always the same ones. */
export function noise(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, index) =>
    createHash('sha256').update(String(index)).digest(),
  )
  return Buffer.concat(blocks).subarray(0, length)
}

/** A pax extended header (`x`) or global header (`g`) with these records. */
export function paxHeader(records: Readonly<Record<string, string>>, type = 'x'): TarEntry {
  const lines = Object.entries(records).map(([key, value]) => paxRecord(`${key}=${value}`))
  return { name: 'PaxHeader', type, data: lines.join('') }
}

/** A GNU header with the path of the member after it. */
export function longName(path: string): TarEntry {
  return { name: '././@LongLink', type: 'L', data: `${path}\0` }
}

/** PEP 427 and PEP 625: runs of `-`, `_`, `.` become one `_`, in lower case. */
function filenamePart(name: string): string {
  return name.replace(/[-_.]+/g, '_').toLowerCase()
}

function versionPart(version: string): string {
  return version.replaceAll('-', '_')
}

function coreMetadata(options: DistributionOptions, metadataVersion: string): Buffer {
  if (options.metadata !== undefined) return Buffer.from(options.metadata)
  const lines = [
    `Metadata-Version: ${metadataVersion}`,
    `Name: ${options.name}`,
    `Version: ${options.version}`,
    ...(options.requiresPython === undefined ? [] : [`Requires-Python: ${options.requiresPython}`]),
    ...(options.requiresDist ?? []).map((requirement) => `Requires-Dist: ${requirement}`),
  ]
  return Buffer.from(`${lines.join('\n')}\n`)
}

function moduleText(version: string): Buffer {
  return Buffer.from(`__version__ = ${JSON.stringify(version)}\n`)
}

function setupText({ name, version, requiresPython, requiresDist = [] }: DistributionOptions): string {
  const python = requiresPython === undefined ? '' : `, python_requires=${JSON.stringify(requiresPython)}`
  const keywords = `name=${JSON.stringify(name)}, version=${JSON.stringify(version)}${python}`
  return `from setuptools import setup\nsetup(${keywords}, packages=["${filenamePart(name)}"], install_requires=${JSON.stringify(requiresDist)})\n`
}

function wheelText(tag: string, build: string | undefined): Buffer {
  const [pythons = '', abis = '', platforms = ''] = tag.split('-')
  const tags = pythons
    .split('.')
    .flatMap((python) => abis.split('.').map((abi) => `${python}-${abi}`))
    .flatMap((left) => platforms.split('.').map((platform) => `Tag: ${left}-${platform}\n`))
  const head = 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n'
  return Buffer.from(`${head}${build === undefined ? '' : `Build: ${build}\n`}${tags.join('')}`)
}

function recordText(members: ReadonlyMap<string, Buffer>, self: string): Buffer {
  const lines = [...members].map(([path, data]) => {
    const digest = createHash('sha256').update(data).digest('base64url')
    return `${path},sha256=${digest},${data.length}\n`
  })
  return Buffer.from(`${lines.join('')}${self},,\n`)
}

const utf8Flag = 0x0800
// 1 January 1980, the first day of the format.
const dosDate = 0x0021

function zipHeaders(entry: ZipEntry, offset: number): { local: Buffer; central: Buffer } {
  const data = Buffer.from(entry.data)
  const packed = entry.method === 'stored' ? data : deflateRawSync(data)
  const common = Buffer.alloc(22)
  common.writeUInt16LE(20, 0)
  common.writeUInt16LE(utf8Flag | (entry.flags ?? 0), 2)
  common.writeUInt16LE(entry.methodNumber ?? (entry.method === 'stored' ? 0 : 8), 4)
  common.writeUInt16LE(dosDate, 8)
  common.writeUInt32LE(entry.crc32 ?? crc32(data), 10)
  common.writeUInt32LE(entry.compressedSize ?? packed.length, 14)
  common.writeUInt32LE(entry.size ?? data.length, 18)
  const localCommon = Buffer.from(common)
  if (entry.localSize !== undefined) localCommon.writeUInt32LE(entry.localSize, 18)
  const name = Buffer.from(entry.name)
  const localName = Buffer.from(entry.localName ?? name)
  return {
    local: Buffer.concat([bytesOf('PK\x03\x04'), localCommon, uint16(localName.length, 0), localName, packed]),
    central: centralHeader(common, name, {
      extra: Buffer.from(entry.extra ?? []),
      offset: entry.headerOffset ?? offset,
    }),
  }
}

function centralHeader(common: Buffer, name: Buffer, rest: { extra: Buffer; offset: number }): Buffer {
  const lengths = uint16(name.length, rest.extra.length, 0, 0, 0)
  // Regular file, rw-r--r--, made on Unix.
  const attributes = uint32(0o100644 * 0x10000, rest.offset)
  return Buffer.concat([bytesOf('PK\x01\x02'), uint16(0x0314), common, lengths, attributes, name, rest.extra])
}

interface ZipEnd {
  readonly count: number
  readonly directorySize: number
  readonly directoryOffset: number
  readonly comment: Buffer
}

function zipEnd({ count, directorySize, directoryOffset, comment }: ZipEnd): Buffer {
  const counts = uint16(0, 0, count, count)
  return Buffer.concat([
    bytesOf('PK\x05\x06'),
    counts,
    uint32(directorySize, directoryOffset),
    uint16(comment.length),
    comment,
  ])
}

function zip64End(end: ZipEnd, position: number): Buffer {
  const record = Buffer.alloc(56)
  record.write('PK\x06\x06', 'latin1')
  record.writeBigUInt64LE(44n, 4)
  record.writeUInt16LE(45, 12)
  record.writeUInt16LE(45, 14)
  record.writeBigUInt64LE(BigInt(end.count), 24)
  record.writeBigUInt64LE(BigInt(end.count), 32)
  record.writeBigUInt64LE(BigInt(end.directorySize), 40)
  record.writeBigUInt64LE(BigInt(end.directoryOffset), 48)
  const locator = Buffer.concat([
    bytesOf('PK\x06\x07'),
    uint32(0, position % 2 ** 32, Math.floor(position / 2 ** 32), 1),
  ])
  const saturated = { ...end, count: 0xffff, directorySize: 0xffffffff, directoryOffset: 0xffffffff }
  return Buffer.concat([record, locator, zipEnd(saturated)])
}

function tarHeader(entry: TarEntry, length: number): Buffer {
  const block = Buffer.alloc(512)
  block.write(entry.name, 0, 100)
  block.write('0000644\x000000000\x000000000\x00', 100, 'latin1')
  const size = entry.size ?? length
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 12, 'latin1')
  if (entry.base256) writeBase256(block.subarray(124, 136), size)
  block.write('00000000000\0', 136, 'latin1')
  block.write(' '.repeat(8), 148, 'latin1')
  block.write(entry.type ?? '0', 156, 'latin1')
  block.write(entry.linkTarget ?? '', 157, 100)
  block.write('ustar\x0000', 257, 'latin1')
  block.write(entry.prefix ?? '', 345, 155)
  const sum = block.reduce((total, byte) => total + byte, entry.badChecksum ? 1 : 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1')
  return block
}

function writeBase256(field: Buffer, value: number): void {
  field.fill(0)
  field.writeBigUInt64BE(BigInt(value), 4)
  field[0] = 0x80
}

/** The length counts itself, so it may take two tries. */
function paxRecord(text: string): string {
  const rest = Buffer.byteLength(text) + 2
  const length = rest + String(rest + String(rest).length).length
  return `${length} ${text}\n`
}

function bytesOf(latin1: string): Buffer {
  return Buffer.from(latin1, 'latin1')
}

function uint16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  values.forEach((value, index) => {
    bytes.writeUInt16LE(value, index * 2)
  })
  return bytes
}

function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => {
    bytes.writeUInt32LE(value, index * 4)
  })
  return bytes
}
