import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { errorCode, errorMessage } from '../errors.js'
import { parseCoreMetadata } from '../packaging/core-metadata.js'
import type { ParsedFilename } from '../packaging/filename.js'
import { metadataMismatch } from '../packaging/metadata-match.js'
import { metadataProblem } from '../packaging/metadata-rules.js'
import { isSpecifierSet } from '../packaging/specifier.js'
import { ArchiveLimitError, badArchive, TruncatedArchiveError } from './archive-error.js'
import { archiveFormat, checkMagic } from './archive-format.js'
import type { ArchiveLimits } from './archive-limits.js'
import type { ByteSource } from './byte-source.js'
import { wantedMember, zipMetadata } from './distribution-metadata.js'
import { checkBzip2Ends, checkXzEnds } from './footers.js'
import { gunzip, ratioFreeBytes } from './gunzip.js'
import { checkSdistTar, checkSdistZip } from './sdist-contents.js'
import { tarMembers } from './tar-members.js'
import { checkWheelContents } from './wheel-contents.js'
import { readZipDirectory, type ZipDirectory } from './zip.js'
import { checkZipFraming } from './zip-framing.js'

/** How an upload is checked: `standard` refuses what cannot be right, `strict` also what PyPI would refuse. */
export type Validation = 'standard' | 'strict'

/** How {@link inspectArchive} judges. */
export interface InspectionOptions {
  readonly validation: Validation
  readonly limits: ArchiveLimits
}

/** What a distribution file holds that was found acceptable. */
export interface InspectedArchive {
  /** Core metadata byte for byte as in the archive; the array owns its memory. */
  readonly metadata?: Uint8Array
  /** Lower-case hex. */
  readonly metadataSha256?: string
  /** Present only when it can be read. */
  readonly requiresPython?: string
  /** Why there is no metadata although the format has some. */
  readonly problem?: string
}

type IsWanted = (path: string) => boolean

/**
 * Looks into an uploaded file. Errors of the source pass through.
 * @throws `ERR_PYPI_BAD_ARCHIVE` when it is to be refused, an `ArchiveLimitError` because of a limit
 */
export async function inspectArchive(
  source: ByteSource,
  parsed: ParsedFilename,
  options: InspectionOptions,
): Promise<InspectedArchive> {
  try {
    if (options.validation === 'strict') return described(await strictMetadata(source, parsed, options.limits))
    return await standardInspection(source, parsed, options.limits)
  } catch (error) {
    if (error instanceof TruncatedArchiveError) throw badArchive('the archive is cut off', { cause: error })
    throw error
  }
}

async function standardInspection(
  source: ByteSource,
  parsed: ParsedFilename,
  limits: ArchiveLimits,
): Promise<InspectedArchive> {
  const format = archiveFormat(parsed.filename)
  if (format === undefined) return {}
  checkMagic(source, format)
  try {
    const metadata = await standardMetadata(source, parsed, limits)
    if (metadata === undefined) return {}
    const problem = metadataMismatch(parseCoreMetadata(metadata), parsed)
    return problem === undefined ? described(metadata) : { problem }
  } catch (error) {
    // Old and odd archives are somebody's only copy: they are stored, and nothing is said of their contents.
    if (!isPlainlyBad(error)) throw error
    return { problem: errorMessage(error) }
  }
}

async function standardMetadata(
  source: ByteSource,
  parsed: ParsedFilename,
  limits: ArchiveLimits,
): Promise<Uint8Array | undefined> {
  switch (archiveFormat(parsed.filename)) {
    case 'zip':
      return zipMetadata(source, parsed, {
        directory: limitedDirectory(source, limits),
        maxBytes: limits.maxMetadataBytes,
      })
    case 'gzip':
      return await tarMetadata(source, wantedMember(parsed.kind), limits)
    case 'bzip2':
      checkBzip2Ends(source)
      return undefined
    case 'xz':
      checkXzEnds(source)
      return undefined
    default:
      return undefined
  }
}

function limitedDirectory(source: ByteSource, limits: ArchiveLimits): ZipDirectory {
  const directory = readZipDirectory(source, { maxMembers: limits.maxArchiveMembers })
  const size = directory.members.reduce((total, member) => total + member.size, 0)
  if (size > limits.maxUnpackedBytes)
    throw new ArchiveLimitError(`File unpacks to ${size} bytes, the limit is ${limits.maxUnpackedBytes}`)
  if (size > ratioFreeBytes && size > source.size * limits.maxArchiveRatio)
    throw new ArchiveLimitError(`File exceeds compression ratio of ${limits.maxArchiveRatio}`)
  return directory
}

/** Reads to the end, so that a cut is found; what was found before something odd stays found. */
async function tarMetadata(
  source: ByteSource,
  isWanted: IsWanted | undefined,
  limits: ArchiveLimits,
): Promise<Uint8Array | undefined> {
  let found: Uint8Array | undefined
  try {
    for await (const { path, type, read } of limitedTar(source, limits)) {
      if (found === undefined && type === 'file' && isWanted?.(posix.normalize(path)))
        found = await read(limits.maxMetadataBytes)
    }
  } catch (error) {
    if (found === undefined || !isPlainlyBad(error)) throw error
  }
  return found
}

function limitedTar(source: ByteSource, limits: ArchiveLimits): ReturnType<typeof tarMembers> {
  const { maxUnpackedBytes: maxBytes, maxArchiveRatio: maxRatio, maxArchiveMembers: maxMembers } = limits
  return tarMembers(gunzip(source, { maxBytes, maxRatio }), { maxMembers })
}

async function strictMetadata(source: ByteSource, parsed: ParsedFilename, limits: ArchiveLimits): Promise<Uint8Array> {
  const format = archiveFormat(parsed.filename)
  const isKnown = parsed.kind === 'wheel' || (parsed.kind === 'sdist' && (format === 'zip' || format === 'gzip'))
  if (!isKnown || format === undefined) throw badArchive('neither a wheel nor an sdist of type .tar.gz or .zip')
  checkMagic(source, format)
  const metadata =
    format === 'zip'
      ? strictZipMetadata(source, parsed, limits)
      : await checkSdistTar(source, limitedTar(source, limits), limits.maxMetadataBytes)
  if (metadata === undefined) throw badArchive('the archive holds no core metadata')
  checkMetadata(metadata, parsed)
  return metadata
}

function strictZipMetadata(source: ByteSource, parsed: ParsedFilename, limits: ArchiveLimits): Uint8Array | undefined {
  const directory = limitedDirectory(source, limits)
  checkZipFraming(source, directory)
  if (parsed.kind === 'wheel') checkWheelContents({ source, directory, parsed })
  else checkSdistZip(directory)
  return zipMetadata(source, parsed, { directory, maxBytes: limits.maxMetadataBytes })
}

function checkMetadata(bytes: Uint8Array, parsed: ParsedFilename): void {
  const file = parsed.kind === 'wheel' ? 'METADATA' : 'PKG-INFO'
  const problem = metadataProblem(bytes)
  if (problem !== undefined) throw badArchive(`${file} is not valid: ${problem}`)
  const mismatch = metadataMismatch(parseCoreMetadata(bytes), parsed)
  if (mismatch !== undefined) throw badArchive(mismatch)
}

function described(bytes: Uint8Array): InspectedArchive {
  const metadata = new Uint8Array(bytes)
  const { requiresPython } = parseCoreMetadata(metadata)
  return {
    metadata,
    metadataSha256: createHash('sha256').update(metadata).digest('hex'),
    // Clients drop a file, or a page, over a value that they cannot read.
    ...(requiresPython !== undefined && isSpecifierSet(requiresPython) && { requiresPython }),
  }
}

/** Whether an archive breaks its format or is ambiguous, and is neither cut off nor above a limit. */
function isPlainlyBad(error: unknown): boolean {
  if (error instanceof TruncatedArchiveError || error instanceof ArchiveLimitError) return false
  return errorCode(error) === 'ERR_PYPI_BAD_ARCHIVE'
}
