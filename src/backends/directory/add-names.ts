import type { NormalizedName } from '../../backend.js'
import type { DirectoryState } from './state.js'
import { isBlinding } from './tracked-folder.js'

/**
 * Takes in which files there are, of all projects or of these alone, as fast as that can be told; `onNames` hears of each
 * part, and the next ones wait for what it returns. Tells whether every directory was read that may change what is known.
 */
export async function addNames(
  { roots, catalogue, disk }: Pick<DirectoryState, 'roots' | 'catalogue' | 'disk'>,
  onNames: () => Promise<unknown> | undefined,
  projects?: readonly NormalizedName[],
): Promise<boolean> {
  const only = projects && { projects }
  let isWhole = true
  for (const [index, root] of roots.entries()) {
    const request = { kind: 'scan', root, directory: '', isRecursive: true, finds: 'names', ...only } as const
    await disk.ask(request, ({ directory: path, entries, problem }) => {
      if (problem !== undefined && isBlinding({ path, problem })) isWhole = false
      catalogue.addNames(index, path, entries)
      return onNames()
    })
  }
  return isWhole
}
