import type { NormalizedName } from '../../backend.js'
import type { DirectoryState } from './state.js'

/**
 * Takes in which files there are, of all projects or of these alone, as fast as that can be told; `onNames` hears of each
 * part, and the next ones wait for what it returns.
 */
export async function addNames(
  { roots, catalogue, disk }: Pick<DirectoryState, 'roots' | 'catalogue' | 'disk'>,
  onNames: () => Promise<unknown> | undefined,
  projects?: readonly NormalizedName[],
): Promise<void> {
  const only = projects && { projects }
  for (const [index, root] of roots.entries()) {
    const request = { kind: 'scan', root, directory: '', isRecursive: true, finds: 'names', ...only } as const
    await disk.ask(request, ({ directory, entries }) => {
      catalogue.addNames(index, directory, entries)
      return onNames()
    })
  }
}
