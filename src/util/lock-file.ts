import { lstat, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { errorCode, PypiServerError, undefinedIf } from '../errors.js'
import { isOwnerDead, newOwnerName } from './owner-name.js'

const staleAfterMs = 10_000
const waitMs = 15_000
const pollMs = 10
const guardSuffix = '.break'

/**
 * Works while no other process and no other call works under the same lock file. The lock of a process of this machine
 * that has ended is broken at once, any other when it is more than ten seconds old (or ahead of the clock); `assertHeld`
 * tells whether that happened to ours, to be asked before anything is changed for good.
 *
 * @throws ERR_PYPI_OVERLOADED when the lock stays taken for 15 seconds, or was broken; whatever the work throws
 */
export async function whileLocked<T>(path: string, work: (assertHeld: () => Promise<void>) => Promise<T>): Promise<T> {
  const owner = newOwnerName()
  const isHeld = async (): Promise<boolean> => (await ownerOf(path)) === owner
  const assertHeld = async (): Promise<void> => {
    if (!(await isHeld())) throw new PypiServerError('ERR_PYPI_OVERLOADED', `the lock ${path} was lost; try again`)
  }
  await acquire(path, owner)
  try {
    return await work(assertHeld)
  } finally {
    if (await isHeld()) await rm(path, { force: true })
  }
}

async function acquire(path: string, owner: string): Promise<void> {
  const endMs = performance.now() + waitMs
  while (!(await isCreated(path, owner))) {
    if ((await isStale(path)) && (await isBroken(path))) continue
    if (performance.now() < endMs) await setTimeout(pollMs + Math.random() * pollMs)
    else throw new PypiServerError('ERR_PYPI_OVERLOADED', `${path} is held by another process for ${waitMs} ms`)
  }
}

async function isCreated(path: string, owner: string): Promise<boolean> {
  // A link to nowhere: it comes into being with its text in it, of several processes exactly one makes it, and a process
  // that is killed leaves no lock of which nobody could tell whose it was.
  const created = symlink(owner, path).catch((error: unknown) => {
    if (!['EPERM', 'ENOSYS', 'ENOTSUP'].includes(errorCode(error) ?? '')) throw error
    return writeFile(path, owner, { flag: 'wx', mode: 0o600 })
  })
  // Windows says EPERM for a file that is just being deleted.
  const taken = ['EEXIST', ...(process.platform === 'win32' ? ['EPERM'] : [])]
  return (await created.then(() => true).catch(undefinedIf(...taken))) === true
}

async function ownerOf(path: string): Promise<string | undefined> {
  const text = readlink(path).catch((error: unknown) => {
    // No link: the lock of a file system without links. Windows has a name of its own for that.
    if (!['EINVAL', 'UNKNOWN'].includes(errorCode(error) ?? '')) throw error
    return readFile(path, 'utf8')
  })
  return await text.catch(undefinedIf('ENOENT', 'EPERM', 'EBUSY'))
}

/** A lock from the future tells of a clock that was set back; nobody could wait for it to grow old. */
async function isStale(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(undefinedIf('ENOENT'))
  if (stats === undefined) return false
  if (Math.abs(Date.now() - stats.mtimeMs) > staleAfterMs) return true
  const owner = await ownerOf(path)
  return owner !== undefined && isOwnerDead(owner, stats.mtimeMs)
}

/** Removes the locks that dead processes left in a directory of locks; one that is not there has none. */
export async function removeDeadLocks(directory: string): Promise<void> {
  for (const path of await deadLocks(directory)) {
    if (path.endsWith(guardSuffix)) await rm(path, { force: true })
    else await isBroken(path)
  }
}

/** Paths of the locks in a directory that dead processes left, or that are older than any work under one. */
export async function deadLocks(directory: string): Promise<readonly string[]> {
  const dead: string[] = []
  for (const name of (await readdir(directory).catch(undefinedIf('ENOENT'))) ?? []) {
    const path = join(directory, name)
    if (await isStale(path)) dead.push(path)
  }
  return dead
}

/** One breaks at a time and looks again: who is slower must not take away the lock that a faster one has made since. */
async function isBroken(path: string): Promise<boolean> {
  const guard = `${path}${guardSuffix}`
  if (!(await isCreated(guard, newOwnerName()))) {
    if (await isStale(guard)) await rm(guard, { force: true })
    return false
  }
  try {
    if (await isStale(path)) await rm(path, { force: true })
    return true
  } finally {
    await rm(guard, { force: true })
  }
}
