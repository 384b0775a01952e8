import { mkdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { PypiServerError, undefinedIf } from '../../errors.js'
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
  await ensureState(root)
  await makeFolder(folder, mode)
  return folder
}

async function makeFolder(path: string, mode: number): Promise<void> {
  await mkdir(path, { mode }).catch(undefinedIf('EEXIST'))
  // A file in its place is trouble of the store; EEXIST would be told as an upload that is here already.
  if ((await stat(path)).isDirectory()) return
  throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', `${basename(path)} is no directory`)
}
