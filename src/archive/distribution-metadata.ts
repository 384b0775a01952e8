import { posix } from 'node:path'
import { PypiServerError } from '../errors.js'
import { parseCoreMetadata } from '../packaging/core-metadata.js'
import type { ParsedFilename } from '../packaging/filename.js'
import { isStemOf, metadataMismatch } from '../packaging/metadata-match.js'
import { badArchive, TruncatedArchiveError } from './archive-error.js'
import { archiveFormat } from './archive-format.js'
import type { ByteSource } from './byte-source.js'
import { checkBzip2Ends, checkXzEnds } from './footers.js'
import { gunzip } from './gunzip.js'
import { findTarMember } from './tar.js'
import { readZipDirectory, readZipMember, type ZipDirectory, type ZipMember } from './zip.js'

/**
 * `complete`: nothing is missing, as far as was looked; `truncated`: begins like its kind and has no end; `unreadable`:
 * is no such archive, breaks the format, is ambiguous or exceeds a limit; `unknown`: a format that is not judged here.
 */
export type ArchiveState = 'complete' | 'truncated' | 'unreadable' | 'unknown'

/** What a distribution file holds and how it stands. */
export interface DistributionMetadata {
  readonly state: ArchiveState
  /** Core metadata byte for byte as in the archive; the array owns its memory. Only ever with `complete`. */
  readonly metadata?: Uint8Array
  /** Why there is no metadata, in one line; absent also for formats whose metadata is not read. */
  readonly problem?: string
}

/** What {@link readDistributionMetadata} needs to know of a file name. */
export type DistributionKind = Pick<ParsedFilename, 'kind' | 'name' | 'version'> & { readonly filename: string }

/** What is known already of a zip, and how much of it may be unpacked. */
export interface ZipMetadataOptions {
  /** @default read from the source */
  readonly directory?: ZipDirectory
  /** Bytes of the metadata. @default 8 MiB */
  readonly maxBytes?: number
}

/**
 * Reads the core metadata out of a wheel (`*.dist-info/METADATA`), an sdist (`<top>/PKG-INFO`) or an egg
 * (`EGG-INFO/PKG-INFO`), at most 8 MiB. Only what is certain counts: metadata of the project and version in the file's
 * name, and of a wheel that has one `.dist-info` of that name and no member twice. A zip costs a few bounded reads; a
 * gzip is read up to the metadata and no further, so `complete` does not vouch for what follows: see {@link verifyEnd}.
 * Never rejects because of what the file holds; errors of the source pass through.
 */
export async function readDistributionMetadata(
  source: ByteSource,
  parsed: DistributionKind,
): Promise<DistributionMetadata> {
  const isWanted = wantedMember(parsed.kind)
  try {
    switch (archiveFormat(parsed.filename)) {
      case 'zip':
        return complete(zipMetadata(source, parsed), parsed)
      case 'gzip':
        if (isWanted === undefined) return { state: 'unknown' }
        return complete(await findTarMember(gunzip(source), (path) => isWanted(posix.normalize(path))), parsed)
      default:
        return { state: await stateToEnd(source, parsed.filename) }
    }
  } catch (error) {
    return archiveProblem(error)
  }
}

/**
 * Whether the file is there to its end. A gzipped tar is read whole, within 2 GiB inflated; of a zip the directory is
 * read; bzip2 and xz are judged by their first and last bytes. Never rejects because of what the file holds; errors of
 * the source pass through.
 */
export async function verifyEnd(source: ByteSource, filename: string): Promise<ArchiveState> {
  try {
    return await stateToEnd(source, filename)
  } catch (error) {
    return archiveProblem(error).state
  }
}

async function stateToEnd(source: ByteSource, filename: string): Promise<ArchiveState> {
  switch (archiveFormat(filename)) {
    case 'zip':
      readZipDirectory(source)
      return 'complete'
    case 'gzip':
      await findTarMember(gunzip(source), () => false, { readTo: 'end' })
      return 'complete'
    case 'bzip2':
      checkBzip2Ends(source)
      return 'complete'
    case 'xz':
      checkXzEnds(source)
      return 'complete'
    default:
      return 'unknown'
  }
}

/** Which member holds the core metadata of such a file; `undefined` for kinds that have none. */
export function wantedMember(kind: DistributionKind['kind']): ((path: string) => boolean) | undefined {
  switch (kind) {
    case 'wheel':
      return (path) => /^[^/]+\.dist-info\/METADATA$/.test(path)
    case 'sdist':
      return (path) => /^(?!\.\.\/)[^/]+\/PKG-INFO$/.test(path)
    case 'egg':
      return (path) => path === 'EGG-INFO/PKG-INFO'
    default:
      return undefined
  }
}

function complete(metadata: Uint8Array | undefined, parsed: DistributionKind): DistributionMetadata {
  if (metadata === undefined) return { state: 'complete', problem: 'the archive holds no core metadata' }
  const problem = metadataMismatch(parseCoreMetadata(metadata), parsed)
  return problem === undefined
    ? { state: 'complete', metadata: new Uint8Array(metadata) }
    : { state: 'complete', problem }
}

function archiveProblem(error: unknown): DistributionMetadata {
  if (!(error instanceof PypiServerError) || error.code !== 'ERR_PYPI_BAD_ARCHIVE') throw error
  return { state: error instanceof TruncatedArchiveError ? 'truncated' : 'unreadable', problem: error.message }
}

/**
 * The core metadata in a zip, whatever it says; `undefined` when there is none.
 * @throws `ERR_PYPI_BAD_ARCHIVE` when it is not certain which member that is; an `ArchiveLimitError` above `maxBytes`
 */
export function zipMetadata(
  source: ByteSource,
  parsed: DistributionKind,
  { directory = readZipDirectory(source), maxBytes }: ZipMetadataOptions = {},
): Uint8Array | undefined {
  const isWanted = wantedMember(parsed.kind)
  if (parsed.kind === 'wheel') checkWheel(directory, parsed)
  const member = isWanted && onlyMember(directory, isWanted)
  return member && readZipMember(source, member, maxBytes === undefined ? {} : { maxBytes })
}

/** Installers refuse a wheel with two `.dist-info` directories, and unpackers differ in which of two equal names they take. */
function checkWheel({ members }: ZipDirectory, parsed: DistributionKind): void {
  const paths = new Set<string>()
  const infos = new Set<string>()
  for (const path of members.flatMap(unpackedPaths)) {
    if (paths.has(path)) throw badArchive(`zip holds ${path} twice`)
    paths.add(path)
    const [top = ''] = path.split('/', 1)
    if (/\.dist-info$/i.test(top)) infos.add(top)
  }
  const [info, second] = infos
  if (second !== undefined) throw badArchive(`wheel has two dist-info directories, ${info} and ${second}`)
  if (info !== undefined && !isStemOf(info.slice(0, -'.dist-info'.length), parsed))
    throw badArchive(`wheel of ${parsed.name} ${parsed.version} has the dist-info directory ${info}`)
}

/** The one wanted member. Names that some unpackers take for it count as well, so that nobody installs another. */
function onlyMember({ members }: ZipDirectory, isWanted: (path: string) => boolean): ZipMember | undefined {
  const found = members.filter(({ name, otherName }) => isWanted(unpackedPath(name)) || isWanted(otherName ?? ''))
  const [member, second] = found
  if (member === undefined) return undefined
  if (second !== undefined) throw badArchive(`zip holds both ${member.name} and ${second.name}`)
  if (!isWanted(member.name) || member.otherName !== undefined)
    throw badArchive(`zip member ${member.name} unpacks under different names`)
  return member
}

function unpackedPaths({ name, otherName }: ZipMember): readonly string[] {
  return otherName === undefined ? [unpackedPath(name)] : [unpackedPath(name), unpackedPath(otherName)]
}

/** Where a lenient unpacker puts a member: Python's cuts names at a zero byte, and Windows knows two separators. */
function unpackedPath(name: string): string {
  if (!['\0', '\\', '//', './'].some((odd) => name.includes(odd)) && !name.startsWith('/')) return name
  const [path = ''] = name.split('\0', 1)
  return posix.normalize(path.replaceAll('\\', '/')).replace(/^\/+/, '')
}
