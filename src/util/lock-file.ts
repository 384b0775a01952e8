import { randomBytes } from 'node:crypto'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { PypiServerError, undefinedIf } from '../errors.js'

const staleAfterMs = 10_000
const waitMs = 15_000
const pollMs = 10

/**
 * Works while no other process and no other call works under the same lock file. A lock more than ten seconds old
 * (or ahead of the clock) belongs to a process that died and is broken; `assertHeld` tells whether that happened to ours, to be asked before anything is
 * changed for good.
 *
 * @throws ERR_PYPI_OVERLOADED when the lock stays taken for 15 seconds, or was broken; whatever the work throws
 */
export async function whileLocked<T>(path: string, work: (assertHeld: () => Promise<void>) => Promise<T>): Promise<T> {
  const owner = randomBytes(16).toString('hex')
  const isHeld = async (): Promise<boolean> =>
    (await readFile(path, 'utf8').catch(undefinedIf('ENOENT', 'EPERM', 'EBUSY'))) === owner
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
  // O_EXCL: of several processes exactly one creates it.
  const created = writeFile(path, owner, { flag: 'wx', mode: 0o600 }).then(() => true)
  // Windows says EPERM for a file that is just being deleted.
  return (await created.catch(undefinedIf('EEXIST', ...(process.platform === 'win32' ? ['EPERM'] : [])))) === true
}

/** A lock from the future tells of a clock that was set back; nobody could wait for it to grow old. */
async function isStale(path: string): Promise<boolean> {
  const stats = await stat(path).catch(undefinedIf('ENOENT'))
  return stats !== undefined && Math.abs(Date.now() - stats.mtimeMs) > staleAfterMs
}

/** One breaks at a time and looks again: who is slower must not take away the lock that a faster one has made since. */
async function isBroken(path: string): Promise<boolean> {
  const guard = `${path}.break`
  if (!(await isCreated(guard, ''))) {
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
