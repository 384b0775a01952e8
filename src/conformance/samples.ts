import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Candidate, DistributionFile, DistributionFilename, NormalizedName } from '../backend.js'
import { normalizeName } from '../packaging/name.js'

/** A small wheel with everything that a backend is to tell about it. */
export interface SampleFile {
  /** Normalized. */
  readonly project: NormalizedName
  /** Of a wheel for every platform. */
  readonly filename: DistributionFilename
  /** As the file name spells it. */
  readonly version: string
  /** The whole file. */
  readonly bytes: Uint8Array
  /** Lower-case hex by algorithm: `sha256` only. */
  readonly hashes: { readonly sha256: string }
  /** METADATA as it stands in the archive, and its digest. */
  readonly metadata: { readonly bytes: Uint8Array; readonly sha256: string }
  /** As METADATA has it. */
  readonly requiresPython: string
  /** Stands beside the file as `<filename>.asc`. Absent: none. */
  readonly signature?: Uint8Array
  /** Goes with the file (PEP 740). Absent: none. */
  readonly provenance?: NonNullable<Candidate['provenance']>
}

/** What makes one sample differ from another. */
export interface SampleOptions {
  /** @default 1.0 */
  readonly version?: string
  /** Bytes of the wheel's one data file. @default 3000 */
  readonly payloadBytes?: number
  /** Wheels of one name with different seeds have different bytes. @default 0 */
  readonly seed?: number
  readonly signature?: Uint8Array
  readonly provenance?: NonNullable<Candidate['provenance']>
}

/** A payload that no backend reads in one piece for its smallness. */
export const largePayloadBytes = 300_000

/** The same bytes for the same arguments, always; `name` as its author spells it. */
export function sampleWheel(name: string, options: SampleOptions = {}): SampleFile {
  const { version = '1.0', payloadBytes = 3000, seed = 0, signature, provenance } = options
  const stem = `${normalizeName(name).replaceAll('-', '_')}-${version}`
  const requiresPython = '>=3.8'
  const text = `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\nRequires-Python: ${requiresPython}\n`
  const metadata = Buffer.from(text)
  const bytes = storedZip([
    [`${stem}.data/data/payload`, payload(`${name} ${version} ${seed}`, payloadBytes)],
    [`${stem}.dist-info/METADATA`, metadata],
  ])
  return {
    project: normalizeName(name),
    filename: `${stem}-py3-none-any.whl` as DistributionFilename,
    version,
    bytes,
    hashes: { sha256: sha256(bytes) },
    metadata: { bytes: metadata, sha256: sha256(metadata) },
    requiresPython,
    ...(signature !== undefined && { signature }),
    ...(provenance !== undefined && { provenance }),
  }
}

/** The sample as an upload whose bytes were spooled to `spooledPath`. */
export function candidateOf({ bytes, ...rest }: SampleFile, spooledPath: string): Candidate {
  return { ...rest, spooledPath, size: bytes.length }
}

/** A record of a file that is in no backend. */
export function unknownFile(sample: SampleFile): DistributionFile {
  const { project, filename, version, bytes, hashes } = sample
  return { project, filename, version, hashes, path: filename, size: bytes.length, uploadTimeMs: 0 }
}

/** Lower-case hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Bytes without a pattern, so that no shifted range of them looks right. */
function payload(seed: string, length: number): Uint8Array {
  return createHash('shake256', { outputLength: length }).update(seed).digest()
}

function storedZip(members: readonly (readonly [name: string, data: Uint8Array])[]): Uint8Array {
  const locals: Uint8Array[] = []
  const centrals: Uint8Array[] = []
  let offset = 0
  for (const [name, data] of members) {
    const path = Buffer.from(name)
    const common = zipFields(path, data)
    locals.push(Buffer.from('PK\x03\x04'), common, path, data)
    // Version of the maker before the common fields; lengths of the comment, disk, attributes and offset after them.
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE(offset, 10)
    centrals.push(Buffer.from('PK\x01\x02\x14\x00'), common, tail, path)
    offset += 4 + common.length + path.length + data.length
  }
  const directory = Buffer.concat(centrals)
  const end = Buffer.from('PK\x05\x06'.padEnd(22, '\0'))
  end.writeUInt16LE(members.length, 8)
  end.writeUInt16LE(members.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, directory, end])
}

/** The fields that local and central headers share, from the version to the length of the extra field. */
function zipFields(path: Uint8Array, data: Uint8Array): Buffer {
  const fields = Buffer.alloc(26)
  fields.writeUInt16LE(20, 0)
  // 1 January 1980, the first day of the format.
  fields.writeUInt16LE(0x21, 8)
  fields.writeUInt32LE(crc32(data), 10)
  fields.writeUInt32LE(data.length, 14)
  fields.writeUInt32LE(data.length, 18)
  fields.writeUInt16LE(path.length, 22)
  return fields
}
