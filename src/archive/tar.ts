import { badArchive, TruncatedArchiveError } from './archive-error.js'
import { type ChunkReader, chunkReader } from './chunk-reader.js'
import { type PaxRecords, parsePaxRecords, parseTarHeader, type TarHeader, tarBlockBytes, text } from './tar-header.js'

const maxHeaders = 200_000
const maxExtensionBytes = 2 ** 20

/** Options of {@link findTarMember}. */
export interface TarOptions {
  /** Bytes of the wanted member. @default 8 MiB */
  readonly maxMemberBytes?: number
  /** Stop at the first wanted member, or read all: then a second one is an error, and so is a cut. @default member */
  readonly readTo?: 'member' | 'end'
}

/** What extension headers have said about the member to come. */
interface Extensions {
  readonly pax?: PaxRecords
  readonly longName?: string
  readonly longLink?: string
}

/**
 * The data of the regular member whose path `isWanted`, `undefined` when there is none. Reads ustar, pax and GNU tars
 * of at most 200,000 headers; who gives the chunks bounds their number.
 * @throws `ERR_PYPI_BAD_ARCHIVE`; a `TruncatedArchiveError` when the stream ends inside a member
 */
export async function findTarMember(
  chunks: AsyncIterable<Uint8Array>,
  isWanted: (path: string) => boolean,
  options: TarOptions = {},
): Promise<Uint8Array | undefined> {
  const { maxMemberBytes = 8 * 2 ** 20, readTo = 'member' } = options
  const reader = chunkReader(chunks)
  let found: Buffer | undefined
  try {
    for await (const { path, size, isRegular } of members(reader)) {
      if (!isRegular || !isWanted(path)) {
        await skipData(reader, size)
        continue
      }
      if (found !== undefined) throw badArchive(`tar holds a second ${path}`)
      found = await readData(reader, size, { path, maxBytes: maxMemberBytes })
      if (readTo === 'member') return found
    }
    await reader.skip(Number.POSITIVE_INFINITY)
    return found
  } finally {
    await reader.close()
  }
}

interface TarMember {
  readonly path: string
  /** Bytes of data that follow. */
  readonly size: number
  readonly isRegular: boolean
}

/** Members in order; the consumer reads or skips the data of each before it asks for the next. */
async function* members(reader: ChunkReader): AsyncGenerator<TarMember, void> {
  let extensions: Extensions = {}
  for (let count = 0; ; count += 1) {
    const block = await headerBlock(reader, count)
    if (block === undefined) break
    if (count === maxHeaders) throw badArchive(`tar has more than ${maxHeaders} headers`)
    const header = parseTarHeader(block)
    if ('xgLK'.includes(header.type)) {
      extensions = await extend(extensions, header, reader)
    } else {
      yield member(header, extensions)
      extensions = {}
    }
  }
  if (Object.keys(extensions).length > 0) throw badArchive('tar ends after an extension header')
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
  if (pax.path !== undefined || pax.size !== undefined)
    throw badArchive('pax global header gives every member one path or size')
  return {}
}

function member(header: TarHeader, { pax, longName }: Extensions): TarMember {
  const { type } = header
  if (type === 'S') throw badArchive('tar holds a sparse member')
  // Before POSIX a directory was a file with a slash at the end; links, devices and directories have no data.
  const isDirectory = type === '\0' && header.name.endsWith('/')
  const hasData = !isDirectory && !'123456'.includes(type)
  return {
    path: pax?.path ?? longName ?? header.name,
    size: hasData ? (pax?.size ?? header.size) : 0,
    isRegular: hasData && ['0', '\0', '7'].includes(type),
  }
}

async function readData(
  reader: ChunkReader,
  size: number,
  limit: { readonly path: string; readonly maxBytes: number },
): Promise<Buffer> {
  if (size > limit.maxBytes)
    throw badArchive(`tar member ${limit.path} is of ${size} bytes, the limit is ${limit.maxBytes}`)
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
