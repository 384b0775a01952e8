import { type FileHandle, open, stat } from 'node:fs/promises'
import { undefinedIf } from '../errors.js'
import { parseDigestLine } from './digest-cache.js'

/** Follows what other processes write into a digest cache. */
export interface DigestTail {
  /** Reads what came since the last time. Whoever asks while it reads shares the next read. */
  readonly read: () => Promise<void>
  readonly close: () => Promise<void>
}

interface Followed {
  readonly handle: FileHandle
  readonly inode: string
  /** Up to where it was read, to the end of a line. */
  offset: number
}

const chunkBytes = 64 * 1024

/**
 * Follows the cache at this path from its first line on, also when it begins anew. What cannot be read is tried again with
 * the next read: it is only a cache.
 */
export function followDigests<T>(
  path: string,
  onEntry: (file: string, identity: string, value: T) => void,
): DigestTail {
  let followed: Followed | undefined
  let reading: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined

  async function readNew(): Promise<void> {
    next = undefined
    const found = await stat(path, { bigint: true }).catch(undefinedIf('ENOENT'))
    // To its end first: what replaced it begins where it ends.
    if (followed !== undefined) await readRest(followed, onEntry)
    if (found === undefined || `${found.dev}:${found.ino}` === followed?.inode) return
    await followed?.handle.close()
    followed = undefined
    followed = await openFile(path)
    if (followed !== undefined) await readRest(followed, onEntry)
  }

  return {
    read: () => {
      next ??= reading.then(readNew).catch(() => {})
      reading = next
      return next
    },
    close: async () => {
      await reading
      await followed?.handle.close()
      followed = undefined
    },
  }
}

async function openFile(path: string): Promise<Followed | undefined> {
  const handle = await open(path).catch(undefinedIf('ENOENT'))
  if (handle === undefined) return undefined
  const { dev, ino } = await handle.stat({ bigint: true })
  return { handle, inode: `${dev}:${ino}`, offset: 0 }
}

async function readRest<T>(
  followed: Followed,
  onEntry: (file: string, identity: string, value: T) => void,
): Promise<void> {
  let pending: Buffer = Buffer.alloc(0)
  for (;;) {
    const { buffer, bytesRead } = await followed.handle.read(
      Buffer.alloc(chunkBytes),
      0,
      chunkBytes,
      followed.offset + pending.length,
    )
    if (bytesRead === 0) return
    const bytes = Buffer.concat([pending, buffer.subarray(0, bytesRead)])
    // A line without an end is still being written.
    const end = bytes.lastIndexOf(0x0a) + 1
    for (const line of bytes.toString('utf8', 0, end).split('\n')) {
      const entry = parseDigestLine<T>(line)
      if (entry !== undefined) onEntry(...entry)
    }
    followed.offset += end
    pending = bytes.subarray(end)
  }
}
