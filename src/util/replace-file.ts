import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { undefinedIf } from '../errors.js'
import { isOwnerDead, newOwnerName } from './owner-name.js'
import { syncDirectory } from './sync-directory.js'

const suffix = '.tmp'

/**
 * Gives a file other content in one step: a reader sees the old or the new, and so does whoever looks after a power cut.
 * A new file is readable for its owner alone (mode 0600); mode, owner and group of an existing one stay, as far as the
 * system lets this process give files away. Rejects with the system's error, and then leaves nothing behind; what a
 * process left that was killed in the middle goes with the next call.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${newOwnerName()}${suffix}`
  await removeDead(path)
  try {
    await write(temporary, text, path)
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncDirectory(dirname(path))
}

async function write(temporary: string, text: string, replaced: string): Promise<void> {
  const before = await stat(replaced).catch(undefinedIf('ENOENT'))
  const handle = await open(temporary, 'wx', 0o600)
  try {
    if (before !== undefined) {
      // Root may write for a server that runs as somebody else, and must not lock it out.
      await handle.chown(before.uid, before.gid).catch(undefinedIf('EPERM', 'EINVAL', 'ENOTSUP'))
      await handle.chmod(before.mode & 0o777)
    }
    await handle.writeFile(text)
    // Data before name: a name that survives a power cut must not point at missing bytes.
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function removeDead(path: string): Promise<void> {
  const prefix = `${basename(path)}.`
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(prefix) || !name.endsWith(suffix)) continue
    const temporary = join(dirname(path), name)
    const modifiedMs = (await stat(temporary).catch(undefinedIf('ENOENT')))?.mtimeMs
    const owner = name.slice(prefix.length, -suffix.length)
    if (modifiedMs !== undefined && isOwnerDead(owner, modifiedMs)) await rm(temporary, { force: true })
  }
}
