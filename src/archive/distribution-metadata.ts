import { posix } from 'node:path'
import { PypiServerError } from '../errors.js'
import { badArchive, TruncatedArchiveError } from './archive-error.js'
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
export interface DistributionKind {
  readonly filename: string
  readonly kind: 'wheel' | 'sdist' | 'egg' | 'installer' | 'other'
}

/**
 * Reads the core metadata out of a wheel (`*.dist-info/METADATA`), an sdist (`<top>/PKG-INFO`) or an egg
 * (`EGG-INFO/PKG-INFO`), at most 8 MiB. A zip costs a few bounded reads; a gzip is read up to the metadata and no
 * further, so `complete` does not vouch for what follows: see {@link verifyEnd}. Never rejects because of what the
 * file holds; errors of the source pass through.
 */
export async function readDistributionMetadata(
  source: ByteSource,
  parsed: DistributionKind,
): Promise<DistributionMetadata> {
  const isWanted = wantedMember(parsed.kind)
  try {
    switch (archiveFormat(parsed.filename)) {
      case 'zip':
        return complete(zipMetadata(source, isWanted))
      case 'gzip':
        if (isWanted === undefined) return { state: 'unknown' }
        return complete(await findTarMember(gunzip(source), (path) => isWanted(posix.normalize(path))))
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

function archiveFormat(filename: string): 'zip' | 'gzip' | 'bzip2' | 'xz' | undefined {
  const name = filename.toLowerCase()
  if (/\.(?:whl|egg|zip)$/.test(name)) return 'zip'
  if (/\.(?:tar\.gz|tgz)$/.test(name)) return 'gzip'
  if (name.endsWith('.tar.bz2')) return 'bzip2'
  return name.endsWith('.tar.xz') ? 'xz' : undefined
}

function wantedMember(kind: DistributionKind['kind']): ((path: string) => boolean) | undefined {
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

function complete(metadata: Uint8Array | undefined): DistributionMetadata {
  if (metadata === undefined) return { state: 'complete', problem: 'the archive holds no core metadata' }
  return { state: 'complete', metadata: new Uint8Array(metadata) }
}

function archiveProblem(error: unknown): DistributionMetadata {
  if (!(error instanceof PypiServerError) || error.code !== 'ERR_PYPI_BAD_ARCHIVE') throw error
  return { state: error instanceof TruncatedArchiveError ? 'truncated' : 'unreadable', problem: error.message }
}

function zipMetadata(source: ByteSource, isWanted: ((path: string) => boolean) | undefined): Uint8Array | undefined {
  const directory = readZipDirectory(source)
  const member = isWanted && onlyMember(directory, isWanted)
  return member && readZipMember(source, member)
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

/** Where a lenient unpacker puts a member: Python's cuts names at a zero byte, and Windows knows two separators. */
function unpackedPath(name: string): string {
  if (!['\0', '\\', '//', './'].some((odd) => name.includes(odd)) && !name.startsWith('/')) return name
  const [path = ''] = name.split('\0', 1)
  return posix.normalize(path.replaceAll('\\', '/')).replace(/^\/+/, '')
}
