import { ArchiveLimitError, badArchive, TruncatedArchiveError } from './archive-error.js'
import { type ChunkReader, chunkReader } from './chunk-reader.js'
import { type PaxRecords, parsePaxRecords, parseTarHeader, type TarHeader, tarBlockBytes, text } from './tar-header.js'

const maxExtensionBytes = 2 ** 20

/** One member of a tar. */
export interface TarMember {
  readonly path: string
  /** Bytes of data that follow. */
  readonly size: number
  /** `special`: devices, pipes and types that nobody knows. */
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'special'
  /** Where a link leads: from its own folder a symlink, from the top of the archive a hard link. Empty for others. */
  readonly target: string
  /**
   * The data, once, before the next member is asked for.
   * @throws `ERR_PYPI_BAD_ARCHIVE`; an `ArchiveLimitError` when it is over `maxBytes`
   */
  readonly read: (maxBytes: number) => Promise<Buffer>
}

/** Limits of {@link tarMembers}. */
export interface TarLimits {
  /** Headers, those of extensions included. @default 200,000 */
  readonly maxMembers?: number
}

/** What extension headers have said about the member to come. */
interface Extensions {
  readonly pax?: PaxRecords
  readonly longName?: string
  readonly longLink?: string
}

/**
 * The members of a ustar, pax or GNU tar in order; data that nobody reads is passed over. The chunks are read to their
 * end, unless the iteration is ended before; who gives them bounds their number.
 * @throws `ERR_PYPI_BAD_ARCHIVE`; a `TruncatedArchiveError` when the stream ends inside a member, an `ArchiveLimitError`
 * above a limit
 */
export async function* tarMembers(
  chunks: AsyncIterable<Uint8Array>,
  { maxMembers = 200_000 }: TarLimits = {},
): AsyncGenerator<TarMember, void> {
  const reader = chunkReader(chunks)
  try {
    let extensions: Extensions = {}
    for (let count = 0; ; count += 1) {
      const block = await headerBlock(reader, count)
      if (block === undefined) break
      if (count === maxMembers)
        throw new ArchiveLimitError(`tar of more than ${maxMembers} members, which is the limit`)
      const header = parseTarHeader(block)
      if ('xgLK'.includes(header.type)) {
        extensions = await extend(extensions, header, reader)
        continue
      }
      yield* oneMember(reader, describe(header, extensions))
      extensions = {}
    }
    if (Object.keys(extensions).length > 0) throw badArchive('tar ends after an extension header')
    await reader.skip(Number.POSITIVE_INFINITY)
  } finally {
    await reader.close()
  }
}

async function* oneMember(reader: ChunkReader, described: Omit<TarMember, 'read'>): AsyncGenerator<TarMember, void> {
  const { path, size } = described
  let isRead = false
  yield {
    ...described,
    read: (maxBytes) => {
      isRead = true
      return readData(reader, size, { path, maxBytes })
    },
  }
  if (!isRead) await skipData(reader, size)
}

/** `undefined` at the end: a block of zeros, or (archivers that write none) no further block. */
async function headerBlock(reader: ChunkReader, count: number): Promise<Buffer | undefined> {
  const block = await reader.read(tarBlockBytes)
  if (block.length === 0 || (block.length === tarBlockBytes && block.every((byte) => byte === 0))) return undefined
  if (block.length === tarBlockBytes) return block
  throw count === 0 ? badArchive('not a tar archive') : new TruncatedArchiveError('tar ends inside a header')
}

async function extend(extensions: Extensions, header: TarHeader, reader: ChunkReader): Promise<Extensions> {
  // Unpackers disagree on which member a pax header describes when another extension header follows it, and on which
  // name wins when both kinds give one (CVE-2026-53655).
  if (extensions.pax !== undefined) throw badArchive('tar has an extension header after a pax header')
  const { type } = header
  const data = await readData(reader, header.size, { path: header.name, maxBytes: maxExtensionBytes })
  if (type === 'L' && extensions.longName === undefined) return { ...extensions, longName: text(data) }
  if (type === 'K' && extensions.longLink === undefined) return { ...extensions, longLink: text(data) }
  if (Object.keys(extensions).length > 0) throw badArchive('tar has two extension headers that contradict each other')
  const pax = parsePaxRecords(data)
  if (type === 'x') return { pax }
  if (Object.keys(pax).length > 0) throw badArchive('pax global header gives every member one path, link or size')
  return {}
}

function describe(header: TarHeader, { pax, longName, longLink }: Extensions): Omit<TarMember, 'read'> {
  if (header.type === 'S') throw badArchive('tar holds a sparse member')
  const type = typeOf(header)
  const hasData = type === 'file' || (type === 'special' && !'346'.includes(header.type))
  const isLink = type === 'symlink' || type === 'hardlink'
  return {
    path: pax?.path ?? longName ?? header.name,
    // Links, devices and directories have no data, whatever their headers say.
    size: hasData ? (pax?.size ?? header.size) : 0,
    type,
    target: isLink ? (pax?.target ?? longLink ?? header.target) : '',
  }
}

function typeOf({ type, name }: TarHeader): TarMember['type'] {
  switch (type) {
    case '\0':
      // Before POSIX a directory was a file with a slash at the end.
      return name.endsWith('/') ? 'directory' : 'file'
    case '0':
    case '7':
      return 'file'
    case '1':
      return 'hardlink'
    case '2':
      return 'symlink'
    case '5':
      return 'directory'
    default:
      return 'special'
  }
}

async function readData(
  reader: ChunkReader,
  size: number,
  limit: { readonly path: string; readonly maxBytes: number },
): Promise<Buffer> {
  if (size > limit.maxBytes)
    throw new ArchiveLimitError(`tar member ${limit.path} is of ${size} bytes, the limit is ${limit.maxBytes}`)
  const data = await reader.read(size)
  if (data.length < size) throw new TruncatedArchiveError(`tar ends inside ${limit.path}`)
  await reader.skip(padding(size))
  return data
}

async function skipData(reader: ChunkReader, size: number): Promise<void> {
  const skipped = await reader.skip(size + padding(size))
  if (skipped < size) throw new TruncatedArchiveError('tar ends inside a member')
}

function padding(size: number): number {
  return (tarBlockBytes - (size % tarBlockBytes)) % tarBlockBytes
}
