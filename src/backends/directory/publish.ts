import { constants } from 'node:fs'
import { copyFile, link, open, rename, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { discard, newSpoolName } from '../../digests/spool.js'
import { asStoreError, errorCode, undefinedIf } from '../../errors.js'
import { syncDirectory } from '../../util/sync-directory.js'
import { type Companion, companionSuffixes, spoolFolder } from './layout.js'
import { ensureStateFolder } from './state-folder.js'

/** What goes where. */
export interface Placement {
  /** Absolute path of the root below which `target` is. */
  readonly root: string
  /** Absolute path that the file gets. */
  readonly target: string
  /** A closed, synced file; taken, so it is gone afterwards. */
  readonly spooledPath: string
  /** What goes beside it; of the other kinds nothing may be there. @default none */
  readonly companions?: Readonly<Partial<Record<Companion, Uint8Array | undefined>>>
  /** Replace what stands at `target`. */
  readonly overwrite: boolean
}

/**
 * Puts a spooled file in its place: the link is the commit point, and after the directory's fsync it survives a power
 * cut. What stands beside it goes first, so that it is never missing.
 * @throws ERR_PYPI_FILE_EXISTS when the name is taken; ERR_PYPI_STORE_FULL, ERR_PYPI_STORE_UNAVAILABLE
 */
export async function place({ root, target, spooledPath, companions = {}, overwrite }: Placement): Promise<void> {
  const temporary = [spooledPath]
  const newTemporary = async (): Promise<string> => {
    const path = join(await ensureSpoolFolder(root), newSpoolName())
    temporary.push(path)
    return path
  }
  try {
    const from = await onSameFileSystem(spooledPath, dirname(target), newTemporary)
    const placed: string[] = []
    try {
      for (const [kind, suffix] of Object.entries(companionSuffixes)) {
        const to = target + suffix
        const bytes = companions[kind as Companion]
        if (bytes === undefined) {
          await clear(to, target, overwrite)
          continue
        }
        const written = await newTemporary()
        await writeFile(written, bytes, { flag: 'wx', flush: true })
        await commitCompanion(written, to, { target, overwrite })
        placed.push(to)
      }
      await commit(from, target, overwrite)
    } catch (error) {
      if (!overwrite) for (const path of placed) await discard(path)
      throw error
    }
  } catch (error) {
    throw asStoreError(error, target)
  } finally {
    // The outcome is decided by now: what cannot be removed here is removed at the next start.
    for (const path of temporary) await discard(path).catch(() => {})
  }
}

/** Neither a link nor a rename leads from one file system to another. */
async function onSameFileSystem(
  spooledPath: string,
  directory: string,
  newTemporary: () => Promise<string>,
): Promise<string> {
  const [from, to] = await Promise.all([stat(spooledPath), stat(directory)])
  if (from.dev === to.dev) return spooledPath
  const copy = await newTemporary()
  await copyFile(spooledPath, copy, constants.COPYFILE_EXCL)
  await syncFile(copy)
  return copy
}

/** Makes the folder for uploads and tells its path. */
export function ensureSpoolFolder(root: string): Promise<string> {
  return ensureStateFolder(root, spoolFolder(root), 0o700)
}

async function commit(from: string, to: string, overwrite: boolean): Promise<void> {
  const directory = dirname(to)
  if (overwrite) {
    await rename(from, to)
    await syncDirectory(directory)
    return
  }
  // link() refuses a name that is taken, in one step, also for other processes; rename() would replace it.
  await link(from, to)
  await syncDirectory(directory).catch(async (error: unknown) => {
    await discard(to)
    throw error
  })
}

/** What stands beside a file is of the bytes that it came with, and must not pass for that of others. */
async function clear(companion: string, target: string, overwrite: boolean): Promise<void> {
  if (overwrite || (await isOrphan(companion, target))) await discard(companion)
}

async function commitCompanion(
  from: string,
  to: string,
  { target, overwrite }: Pick<Placement, 'target' | 'overwrite'>,
): Promise<void> {
  try {
    await commit(from, to, overwrite)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' || !(await isOrphan(to, target))) throw error
    await discard(to)
    await commit(from, to, overwrite)
  }
}

/** Whether a companion was left behind by a file that was removed by hand, or by an upload that was cut off. */
async function isOrphan(companion: string, target: string): Promise<boolean> {
  // While an upload is under way its companions have a second name, in the spool folder. In this order: whoever has lost
  // that name by now has put the file itself in its place before.
  if ((await stat(companion).catch(undefinedIf('ENOENT')))?.nlink !== 1) return false
  return (await stat(target).catch(undefinedIf('ENOENT'))) === undefined
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
