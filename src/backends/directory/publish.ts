import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, link, lstat, open, rename, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { discard, newSpoolName } from '../../digests/spool.js'
import { asStoreError, errorCode, undefinedIf } from '../../errors.js'
import { whileLocked } from '../../util/lock-file.js'
import { syncDirectory } from '../../util/sync-directory.js'
import { type Companion, companionSuffixes, companions as kinds, locksFolder, spoolFolder } from './layout.js'
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
  /** Which kinds may stand beside `target` now; the others were seen not to. @default all */
  readonly stray?: readonly Companion[]
  /** Replace what stands at `target`. */
  readonly overwrite: boolean
  /** Puts the names in a folder on the disk, together with others that wait for the same. @default {@link syncDirectory} */
  readonly syncFolder?: (folder: string) => Promise<void>
}

/** Files that are closed, synced and on the file system of their target. */
interface Parts {
  readonly target: string
  readonly syncFolder: (folder: string) => Promise<void>
  readonly content: string
  /** By suffix; `undefined` for those that must not be there. */
  readonly companions: readonly (readonly [suffix: string, path: string | undefined])[]
}

/** Gives a file a name that nobody has: to one of all that try at the same time. @throws EEXIST */
type Take = (from: string, to: string) => Promise<void>

/**
 * Puts a spooled file in its place: the link is the commit point, and after the directory's fsync it survives a power
 * cut. What stands beside it goes first, so that it is never missing; but after a file that replaces another, so that it is
 * never beside other bytes. Where there are no hard links, names are given under a lock
 * that processes of other hosts respect for ten seconds; it tells which of the two happened.
 * @throws ERR_PYPI_FILE_EXISTS when the name is taken; ERR_PYPI_STORE_FULL, ERR_PYPI_STORE_UNAVAILABLE
 */
export async function place(placement: Placement): Promise<'linked' | 'locked'> {
  const { root, target, spooledPath, overwrite, syncFolder = syncDirectory } = placement
  const temporary = [spooledPath]
  const newTemporary = async (): Promise<string> => {
    const path = join(await ensureSpoolFolder(root), newSpoolName())
    temporary.push(path)
    return path
  }
  try {
    const companions = await spooledCompanions(placement, newTemporary)
    const copied = (): Promise<string> => copyOf(spooledPath, newTemporary)
    const parts = { target, content: spooledPath, companions, syncFolder }
    if (!overwrite) return await commitNear(root, parts, copied)
    const isNear = await isOnSameFileSystem(spooledPath, dirname(target))
    await replace(isNear ? parts : { ...parts, content: await copied() })
    return 'linked'
  } catch (error) {
    if (errorCode(error) === 'EEXIST') await settle(target)
    throw asStoreError(error, target)
  } finally {
    // The outcome is decided by now: what cannot be removed here is removed at the next start.
    for (const path of temporary) await discard(path).catch(() => {})
  }
}

/** Neither a link nor a rename leads from one file system to another. */
async function isOnSameFileSystem(path: string, directory: string): Promise<boolean> {
  const [from, to] = await Promise.all([stat(path), stat(directory)])
  return from.dev === to.dev
}

async function copyOf(path: string, newTemporary: () => Promise<string>): Promise<string> {
  const copy = await newTemporary()
  await copyFile(path, copy, constants.COPYFILE_EXCL)
  await syncFile(copy)
  return copy
}

async function spooledCompanions(
  { companions = {}, stray = kinds, overwrite }: Placement,
  newTemporary: () => Promise<string>,
): Promise<Parts['companions']> {
  const spooled: [string, string | undefined][] = []
  for (const [kind, suffix] of Object.entries(companionSuffixes)) {
    const bytes = companions[kind as Companion]
    if (bytes === undefined && !overwrite && !stray.includes(kind as Companion)) continue
    const path = bytes === undefined ? undefined : await newTemporary()
    if (path !== undefined && bytes !== undefined) await writeFile(path, bytes, { flag: 'wx', flush: true })
    spooled.push([suffix, path])
  }
  return spooled
}

/** Makes the folder for uploads and tells its path. */
export function ensureSpoolFolder(root: string): Promise<string> {
  return ensureStateFolder(root, spoolFolder(root), 0o700)
}

async function replace({ target, content, companions, syncFolder }: Parts): Promise<void> {
  // What stands beside a file is of the bytes that it came with: wherever this ends, by a kill or a power cut, there is
  // rather nothing than that of other bytes.
  for (const [suffix] of companions) await discard(target + suffix)
  await syncFolder(dirname(target))
  await rename(content, target)
  for (const [suffix, path] of companions) if (path !== undefined) await rename(path, target + suffix)
  await syncFolder(dirname(target))
}

/** Copies only what cannot be linked: spool folders are seldom on another file system. */
async function commitNear(root: string, parts: Parts, copied: () => Promise<string>): Promise<'linked' | 'locked'> {
  try {
    return await commit(root, parts)
  } catch (error) {
    if (errorCode(error) !== 'EXDEV') throw error
    return await commit(root, { ...parts, content: await copied() })
  }
}

async function commit(root: string, parts: Parts): Promise<'linked' | 'locked'> {
  try {
    await takeNames(parts, takeByLink)
    return 'linked'
  } catch (error) {
    if (!isWithoutLinks(error)) throw error
  }
  const folder = await ensureStateFolder(root, locksFolder(root), 0o700)
  const name = createHash('sha256').update(parts.target).digest('hex')
  await whileLocked(join(folder, name), (assertHeld) => takeNames(parts, takeByRename(assertHeld)))
  return 'locked'
}

async function takeNames({ target, content, companions, syncFolder }: Parts, take: Take): Promise<void> {
  const taken: string[] = []
  try {
    await Promise.all(companions.map(([suffix, path]) => path ?? clear(target + suffix, target)))
    for (const [suffix, path] of companions) {
      if (path === undefined) continue
      await takeBeside(path, target + suffix, { target, take })
      taken.push(target + suffix)
    }
    await take(content, target)
    taken.unshift(target)
    await syncFolder(dirname(target))
  } catch (error) {
    for (const path of taken) await discard(path)
    throw error
  }
}

async function takeBeside(
  from: string,
  to: string,
  { target, take }: { readonly target: string; readonly take: Take },
): Promise<void> {
  try {
    await take(from, to)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' || !(await isOrphan(to, target))) throw error
    await discard(to)
    await take(from, to)
  }
}

/** What stands beside a file is of the bytes that it came with, and must not pass for that of others. */
async function clear(companion: string, target: string): Promise<void> {
  if (await isOrphan(companion, target)) await discard(companion)
}

/** link() refuses a name that is taken, in one step, also for other processes; rename() would replace it. */
async function takeByLink(from: string, to: string): Promise<void> {
  await link(from, to).catch(async (error: unknown) => {
    // Over NFS the answer to a link that was made may get lost, and the request that is repeated meets its own name.
    if (!(await isSameFile(from, to))) throw error
  })
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => lstat(path, { bigint: true }).catch(() => undefined)))
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev
}

/** For file systems without hard links: exclusive among those that hold the lock. @throws EEXIST */
export function takeByRename(assertHeld: () => Promise<void>): Take {
  return async (from, to) => {
    if ((await lstat(to).catch(undefinedIf('ENOENT'))) !== undefined) {
      throw Object.assign(new Error(`${to} exists`), { code: 'EEXIST' })
    }
    await assertHeld()
    await rename(from, to)
  }
}

/** What link() says on FAT, and on some network file systems. */
function isWithoutLinks(error: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(errorCode(error) ?? '')
}

/** Whether a companion was left behind by a file that was removed by hand, or by an upload that was cut off. */
async function isOrphan(companion: string, target: string): Promise<boolean> {
  // While an upload is under way its companions have a second name, in the spool folder, or it holds the lock. In this
  // order: whoever has lost that name by now has put the file itself in its place before.
  if ((await stat(companion).catch(undefinedIf('ENOENT')))?.nlink !== 1) return false
  return (await stat(target).catch(undefinedIf('ENOENT'))) === undefined
}

/**
 * Puts on the disk what stands at a path. Whoever is told that the same bytes are here already takes them for stored: they
 * may have been copied here a moment ago, or their uploader may have been killed, before they were on the disk.
 */
export async function settle(path: string): Promise<void> {
  try {
    await syncFile(path)
    await syncDirectory(dirname(path))
  } catch (error) {
    if (!['ENOENT', 'EACCES'].includes(errorCode(error) ?? '')) throw asStoreError(error, path)
  }
}

async function syncFile(path: string): Promise<void> {
  // Windows syncs only what is open for writing.
  const handle = await open(path, process.platform === 'win32' ? 'r+' : 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
