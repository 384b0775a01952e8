import { realpath } from 'node:fs/promises'
import { isAbsolute, relative, sep } from 'node:path'
import type { DistributionFile, LocalFile } from '../../backend.js'
import { undefinedIf } from '../../errors.js'
import { absolutePath } from './layout.js'
import type { DirectoryState } from './state.js'
import { fileAt } from './told.js'

/**
 * Where a file lies, and below which root: the number of the root, from 0 in the order in which they were given, and the
 * path in there. `undefined` when links lead out of all roots, or to what is hidden in one: that is nothing to serve.
 */
export async function localFile(
  state: DirectoryState,
  file: DistributionFile,
  signal: AbortSignal | undefined,
): Promise<LocalFile | undefined> {
  const entry = await fileAt(state, file.path, signal)
  if (entry === undefined) return undefined
  const path = await realPathOf(absolutePath(state, entry))
  if (path === undefined) return undefined
  for (const [index, root] of state.roots.entries()) {
    const folder = await realPathOf(root)
    const segments = folder === undefined || isAbsolute(relative(folder, path)) ? [] : relative(folder, path).split(sep)
    if (segments.length > 0 && !segments.some((segment) => segment.startsWith('.')))
      return { path, location: [index, ...segments].join('/') }
  }
  return undefined
}

/** `undefined` when it is not there, or leads in a circle. */
function realPathOf(path: string): Promise<string | undefined> {
  return realpath(path).catch(undefinedIf('ENOENT', 'ENOTDIR', 'ELOOP'))
}
