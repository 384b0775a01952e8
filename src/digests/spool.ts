import { type FileHandle, open, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { asStoreError, PypiServerError, undefinedIf } from '../errors.js'
import { isOwnerDead, newOwnerName } from '../util/owner-name.js'
import { createTurns } from '../util/turns.js'
import { createDigester, type DigesterFactory } from './digest.js'

/** A complete, closed file of bytes that someone sent. */
export interface SpooledFile {
  /** Absolute. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Lower-case hex by algorithm. */
  readonly hashes: Readonly<Record<string, string>>
  /** All of it, when it is small. */
  readonly bytes?: Uint8Array
}

/** How a file is spooled. */
export interface SpoolOptions {
  /** @default {@link createDigester} */
  readonly digesters?: DigesterFactory
  /** The bytes of files up to this size are kept in memory, too. @default 0 */
  readonly keptBytes?: number
}

const prefix = 'u.'

// Hashing this much takes a millisecond at most, with all algorithms that uploads claim.
const turns = createTurns(128 * 1024)

/**
 * Writes bytes to a new file in `directory` while hashing them, and has the file on disk when it fulfils.
 * Rejects with the source's error, and then leaves no file behind.
 * @throws ERR_PYPI_STORE_FULL, ERR_PYPI_STORE_UNAVAILABLE
 */
export async function spool(
  source: AsyncIterable<Uint8Array>,
  directory: string,
  algorithms: readonly string[],
  { digesters = createDigester, keptBytes = 0 }: SpoolOptions = {},
): Promise<SpooledFile> {
  const path = join(directory, newSpoolName())
  const digester = await digesters(algorithms)
  const handle = await open(path, 'wx', 0o644).catch(storeError)
  try {
    let size = 0
    let kept: Uint8Array[] = []
    for await (const chunk of source) {
      // A plain write() may store less than it was given.
      const writing = handle.appendFile(chunk)
      // Heard of below, but not before it may fail.
      writing.catch(() => {})
      await turns.room(chunk.length)
      // While another thread writes it.
      digester.update(chunk)
      await writing
      size += chunk.length
      if (size > keptBytes) kept = []
      else kept.push(chunk)
    }
    // Data before name: a name that survives a power cut must not point at missing bytes.
    await handle.sync()
    await assertSize(handle, size)
    await handle.close()
    const hashes = digester.finish()
    return { path, size, hashes, ...(size <= keptBytes && { bytes: Buffer.concat(kept, size) }) }
  } catch (error) {
    await handle.close().catch(() => {})
    await discard(path).catch(() => {})
    return storeError(error)
  }
}

/** File systems have been seen to tell of more than they wrote. */
async function assertSize(handle: FileHandle, size: number): Promise<void> {
  const stored = (await handle.stat()).size
  if (stored === size) return
  throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', `${size} bytes were written, ${stored} are there`)
}

function storeError(error: unknown): never {
  throw asStoreError(error, 'the upload')
}

/** Removes a spooled file; one that is gone already is fine. */
export async function discard(path: string): Promise<void> {
  await unlink(path).catch(undefinedIf('ENOENT'))
}

/**
 * Removes what uploads left behind whose process ended in the middle of one. Files of live processes and of other hosts
 * stay until nobody has written to them for a day: several processes may share a directory.
 */
export async function removeDeadSpoolFiles(directory: string): Promise<void> {
  for (const path of await deadSpoolFiles(directory)) await discard(path)
}

/** Paths of what {@link removeDeadSpoolFiles} would remove. */
export async function deadSpoolFiles(directory: string): Promise<readonly string[]> {
  const dead: string[] = []
  for (const name of (await readdir(directory).catch(undefinedIf('ENOENT'))) ?? []) {
    const path = join(directory, name)
    const modifiedMs = (await stat(path).catch(undefinedIf('ENOENT')))?.mtimeMs
    if (modifiedMs !== undefined && isDead(name, modifiedMs)) dead.push(path)
  }
  return dead
}

/** A new file name that says whose it is, so that {@link removeDeadSpoolFiles} can tell the dead from the living. */
export function newSpoolName(): string {
  return `${prefix}${newOwnerName()}`
}

function isDead(name: string, modifiedMs: number): boolean {
  return isOwnerDead(name.startsWith(prefix) ? name.slice(prefix.length) : '', modifiedMs)
}
