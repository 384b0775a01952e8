import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { OpenedFile, OpenFileOptions } from '../../backend.js'
import { PypiServerError, undefinedIf } from '../../errors.js'
import { resolveRange } from '../../http/byte-range.js'
import { matchesIfRange } from '../../http/conditional.js'
import { type FileState, fileState } from './layout.js'

const wholeReadBytes = 64 * 1024
const chunkBytes = 256 * 1024

/**
 * Opens a file and describes the very bytes that the open descriptor leads to.
 * `etagOf` names the validator for a state of the file. `undefined` when there is no regular file, or `etagOf` knows none.
 */
export async function openPath(
  path: string,
  etagOf: (state: FileState) => string | undefined,
  options: OpenFileOptions,
): Promise<OpenedFile | undefined> {
  // Without O_NONBLOCK a FIFO that took the file's place would block one of the few I/O threads for ever.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)
  const handle = await open(path, flags).catch(undefinedIf('ENOENT', 'ENOTDIR'))
  if (handle === undefined) return undefined
  try {
    const stat = await handle.stat({ bigint: true })
    const state = stat.isFile() ? fileState(stat) : undefined
    const etag = state && etagOf(state)
    const opened = state && etag !== undefined ? describe(state, etag, options) : undefined
    if (opened === undefined || options.describeOnly) {
      await handle.close()
      return opened
    }
    return { ...opened, body: await bodyOf(handle, opened) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Describes bytes in memory, with their range resolved. */
export function openBytes(bytes: Uint8Array, etag: string, modifiedMs: number, options: OpenFileOptions): OpenedFile {
  const opened = describe({ size: bytes.length, modifiedMs }, etag, options)
  if (options.describeOnly) return opened
  const { start, end } = opened.range ?? { start: 0, end: bytes.length - 1 }
  return { ...opened, body: bytes.subarray(start, end + 1) }
}

function describe(
  { size, modifiedMs }: Pick<FileState, 'size' | 'modifiedMs'>,
  etag: string,
  { range, ifRange }: OpenFileOptions,
): OpenedFile {
  const whole = { size, etag, modifiedMs }
  if (range === undefined || (ifRange !== undefined && !matchesIfRange(ifRange, whole))) return whole
  const resolved = resolveRange(range, size)
  if (resolved !== undefined) return { ...whole, range: resolved }
  throw new PypiServerError('ERR_PYPI_RANGE_NOT_SATISFIABLE', `the file has ${size} bytes`, { cause: { size } })
}

async function bodyOf(handle: FileHandle, { size, range }: OpenedFile): Promise<Uint8Array | Readable> {
  const { start, end } = range ?? { start: 0, end: size - 1 }
  const length = end - start + 1
  if (length > wholeReadBytes) return streamOf(handle, start, length)
  const bytes = await readFully(handle, Buffer.allocUnsafe(length), start)
  await handle.close()
  return bytes
}

/** Positioned reads on a descriptor that the stream owns; a file that shrank meanwhile ends it with an error. */
function streamOf(handle: FileHandle, start: number, length: number): Readable {
  let position = start
  const end = start + length
  return new Readable({
    highWaterMark: chunkBytes,
    read() {
      const wanted = Math.min(chunkBytes, end - position)
      if (wanted === 0) {
        this.push(null)
        return
      }
      const at = position
      position += wanted
      readFully(handle, Buffer.allocUnsafe(wanted), at).then(
        (bytes) => this.push(bytes),
        (error: Error) => this.destroy(error),
      )
    },
    destroy(error, done) {
      handle.close().then(
        () => done(error),
        (closeError: Error) => done(error ?? closeError),
      )
    },
  })
}

async function readFully(handle: FileHandle, buffer: Buffer, position: number): Promise<Buffer> {
  let filled = 0
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled)
    if (bytesRead === 0)
      throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', 'the file became shorter while it was read')
    filled += bytesRead
  }
  return buffer
}
