import { pipeline, Readable } from 'node:stream'
import { createGunzip, gunzipSync } from 'node:zlib'
import { errorCode, errorMessage } from '../errors.js'
import { ArchiveLimitError, badArchive, TruncatedArchiveError } from './archive-error.js'
import { type ByteSource, beginsLike } from './byte-source.js'

const gzipMagic = '\x1f\x8b'
const chunkBytes = 128 * 1024
/** Up to this many unpacked bytes any ratio is fine. */
export const ratioFreeBytes = 64 * 2 ** 20

/** Up to this size a file is inflated in one go: a stream takes far longer to be set up. */
const smallBytes = 256 * 1024
const smallInflatedBytes = 2 * 2 ** 20

/** Limits of {@link gunzip}. */
export interface GunzipOptions {
  /** Inflated bytes. @default 2 GiB */
  readonly maxBytes?: number
  /** Inflated bytes for each packed one, once there are more than 64 MiB of them. @default 1000 */
  readonly maxRatio?: number
}

/**
 * Inflates a gzip file of one or more members (RFC 1952 2.2), holding a few chunks at a time; ending the iteration
 * early is fine, and nothing is read from the source afterwards.
 * @throws `ERR_PYPI_BAD_ARCHIVE`; a `TruncatedArchiveError` when the last member has no end, an `ArchiveLimitError` above
 * a limit. Errors of the source pass.
 */
export async function* gunzip(source: ByteSource, options: GunzipOptions = {}): AsyncGenerator<Buffer, void> {
  const { maxBytes = 2 * 2 ** 30, maxRatio = 1000 } = options
  if (!beginsLike(source, gzipMagic)) throw badArchive('not a gzip file')
  const whole = source.size > smallBytes ? undefined : gunzipAtOnce(source, Math.min(maxBytes, smallInflatedBytes))
  if (whole !== undefined) {
    yield whole.bytes
    return checkPadding(source, whole.packedBytes)
  }
  const feed = sourceStream(source)
  const engine = createGunzip({ chunkSize: chunkBytes })
  pipeline(feed, engine, reportedByEngine)
  let inflated = 0
  try {
    for await (const chunk of engine) {
      inflated += chunk.length
      checkInflated(inflated, source.size, { maxBytes, maxRatio })
      yield chunk
    }
  } catch (error) {
    throw gzipError(error)
  } finally {
    // Both at once: the caller closes the descriptor when this ends.
    feed.destroy()
    engine.destroy()
  }
  checkPadding(source, engine.bytesWritten)
}

/** `undefined` for what is large, or not as it should be: a stream tells how. */
function gunzipAtOnce(
  source: ByteSource,
  maxOutputLength: number,
): { readonly bytes: Buffer; readonly packedBytes: number } | undefined {
  const packed = source.read(0, source.size)
  try {
    const { buffer, engine } = gunzipSync(packed, { maxOutputLength, info: true }) as unknown as InflatedWithInfo
    return { bytes: buffer, packedBytes: engine.bytesWritten }
  } catch {
    return undefined
  }
}

/** What Node gives with `info`, which its types do not tell. */
interface InflatedWithInfo {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}

/** An error of either stream destroys the engine with it, so the iteration throws it. */
function reportedByEngine(): void {}

function sourceStream(source: ByteSource): Readable {
  let position = 0
  return new Readable({
    highWaterMark: chunkBytes,
    read() {
      try {
        const bytes = source.read(position, chunkBytes)
        position += bytes.length
        this.push(bytes.length === 0 ? null : bytes)
      } catch (error) {
        this.destroy(error as Error)
      }
    },
  })
}

function checkInflated(
  inflated: number,
  packed: number,
  { maxBytes, maxRatio }: Readonly<Required<GunzipOptions>>,
): void {
  if (inflated > maxBytes) throw new ArchiveLimitError(`gzip inflates to more than ${maxBytes} bytes`)
  if (inflated > ratioFreeBytes && inflated > packed * maxRatio)
    throw new ArchiveLimitError(`gzip inflates to more than ${maxRatio} times its size`)
}

function gzipError(error: unknown): unknown {
  const code = errorCode(error)
  if (code === 'Z_BUF_ERROR') return new TruncatedArchiveError('gzip ends early', { cause: error })
  if (code?.startsWith('Z_')) return badArchive(`gzip is damaged: ${errorMessage(error)}`, { cause: error })
  return error
}

/** After the last member only zeros may follow, which tapes and some archivers add; the engine stops at the first. */
function checkPadding(source: ByteSource, start: number): void {
  for (let position = start; position < source.size; position += chunkBytes) {
    const bytes = source.read(position, chunkBytes)
    if (bytes.some((byte) => byte !== 0)) throw badArchive('gzip is followed by other bytes')
  }
}
