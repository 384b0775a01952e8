import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { PypiServerError, undefinedIf } from '../../errors.js'
import type { ByteReader } from '../../util/byte-reader.js'

/** An open file that several readers share; it is closed when the last of them lets go. */
export interface Descriptor {
  /** Fills the whole target from this position on. @throws ERR_PYPI_STORE_UNAVAILABLE when the file is shorter by now */
  readonly read: (target: Uint8Array, position: number) => Promise<void>
  readonly stat: () => Promise<BigIntStats>
  /** One more lets go later. */
  readonly share: () => void
  readonly release: () => Promise<void>
}

/** Opens a file for reading; `undefined` when there is none. */
export async function openDescriptor(path: string): Promise<Descriptor | undefined> {
  // Without O_NONBLOCK a FIFO that took the file's place would block one of the few I/O threads for ever.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)
  const handle = await open(path, flags).catch(undefinedIf('ENOENT', 'ENOTDIR'))
  if (handle === undefined) return undefined
  let holders = 1
  return {
    read: (target, position) => readFully(handle, target, position),
    stat: () => handle.stat({ bigint: true }),
    share: () => {
      holders += 1
    },
    release: async () => {
      holders -= 1
      if (holders === 0) await handle.close()
    },
  }
}

async function readFully(handle: FileHandle, target: Uint8Array, position: number): Promise<void> {
  let filled = 0
  while (filled < target.length) {
    const { bytesRead } = await handle.read(target, filled, target.length - filled, position + filled)
    if (bytesRead === 0)
      throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', 'the file became shorter while it was read')
    filled += bytesRead
  }
}

/**
 * Reads `length` bytes from `start` on and lets the descriptor go when it is closed. Before it hands out the last of them
 * it asks `assertUnchanged`: a client must not take for complete what was written to meanwhile.
 */
export function descriptorReader(
  descriptor: Descriptor,
  { start, length }: { readonly start: number; readonly length: number },
  assertUnchanged: () => Promise<void>,
): ByteReader {
  const end = start + length
  let position = start
  let reading: Promise<unknown> | undefined
  let closing: Promise<void> | undefined

  async function next(target: Uint8Array): Promise<number> {
    const count = Math.min(target.length, end - position)
    if (count === 0) return 0
    await descriptor.read(target.subarray(0, count), position)
    position += count
    if (position === end) await assertUnchanged()
    return count
  }

  async function finish(): Promise<void> {
    // The read under way writes into memory that the caller uses again, and its descriptor's number is given to others.
    await reading?.catch(() => {})
    await descriptor.release().catch(() => {})
  }

  return {
    readInto: (target) => {
      const read = next(target)
      reading = read
      return read
    },
    close: () => {
      closing ??= finish()
      return closing
    },
  }
}
