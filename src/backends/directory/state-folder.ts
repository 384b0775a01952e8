import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { undefinedIf } from '../../errors.js'
import { stateFolder } from './layout.js'

/** Makes the folder of a root that holds all other folders of ours; the root itself must be there. */
export async function ensureState(root: string): Promise<void> {
  await mkdir(join(root, stateFolder), { mode: 0o755 }).catch(undefinedIf('EEXIST'))
}

/**
 * Makes a folder of our own below a root, which must be there: a root that vanished must not come back as an empty one,
 * in which nothing is known to exist. `mode` is that of the last folder; the one above it is open to readers, so that
 * another user can serve what this one keeps.
 */
export async function ensureStateFolder(root: string, folder: string, mode: number): Promise<string> {
  await ensureState(root)
  await mkdir(folder, { mode }).catch(undefinedIf('EEXIST'))
  return folder
}
