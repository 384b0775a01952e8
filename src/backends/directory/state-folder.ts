import { chown, mkdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { PypiServerError, undefinedIf } from '../../errors.js'
import { syncDirectory } from '../../util/sync-directory.js'
import { stateFolder } from './layout.js'

/** Makes the folder of a root that holds all other folders of ours; the root itself must be there. */
export async function ensureState(root: string): Promise<void> {
  // Open to readers, so that another user can serve what this one keeps.
  await makeFolder(join(root, stateFolder), 0o755)
}

/**
 * Makes a folder of our own below a root and tells its path. The root must be there: one that vanished must not come
 * back as an empty one, in which nothing is known to exist.
 */
export async function ensureStateFolder(root: string, folder: string, mode: number): Promise<string> {
  if (await isDirectory(folder)) return folder
  await ensureState(root)
  await makeFolder(folder, mode)
  return folder
}

/** Root may work for a server that runs as somebody else, and must not lock it out. */
export async function giveToOwnerOf(other: string, path: string): Promise<void> {
  if (process.geteuid?.() !== 0) return
  const { uid, gid } = await stat(other)
  await chown(path, uid, gid).catch(undefinedIf('EPERM', 'EINVAL', 'ENOTSUP'))
}

async function makeFolder(path: string, mode: number): Promise<void> {
  if (await isDirectory(path)) return
  const isNew = await mkdir(path, { mode }).then(() => true, undefinedIf('EEXIST'))
  if (isNew) {
    await giveToOwnerOf(dirname(path), path)
    await syncDirectory(dirname(path))
  }
  // A file in its place is trouble of the store; EEXIST would be told as an upload that is here already.
  if (await isDirectory(path)) return
  throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', `${basename(path)} is no directory`)
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(undefinedIf('ENOENT', 'ENOTDIR')))?.isDirectory() ?? false
}
