import { realpath } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { undefinedIf } from '../errors.js'

/** The absolute path of what a user wrote: a leading `~` is the home directory. */
export function absolutePath(path: string): string {
  return pathFrom('.', path)
}

/** The absolute path of what a user wrote in a file of this folder: a leading `~` is the home directory. */
export function pathFrom(folder: string, path: string): string {
  const isHome = path === '~' || path.startsWith('~/') || (process.platform === 'win32' && path.startsWith('~\\'))
  return resolve(folder, isHome ? join(homedir(), path.slice(1)) : path)
}

/** The absolute path without symbolic links, as far as it exists. */
export async function resolvedPath(path: string): Promise<string> {
  const absolute = absolutePath(path)
  return (await realpath(absolute).catch(undefinedIf('ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'))) ?? absolute
}
