import { asStoreError, PypiServerError } from '../../errors.js'
import { slices } from '../../util/slices.js'
import { within } from '../../util/within.js'
import type { CatalogueFile } from './catalogue.js'
import { assertRootsPresent, assertTold, type DirectoryState, type Running, start } from './state.js'
import { unlessAborted } from './unless-aborted.js'

// What may be told, and when: at once what is known, after a look what a snapshot remembers, and only after every
// directory was read that something is not there.

// As long as a busy machine may take to look into files that have just come; what is cut off is known soon.
const settleMs = 10_000
const looksAtOnce = 100

/** @throws ERR_PYPI_STORE_UNAVAILABLE while it cannot be told what exists */
export async function startedAndTold(state: DirectoryState, signal?: AbortSignal): Promise<Running> {
  signal?.throwIfAborted()
  const isStarted = state.started !== undefined && !state.isClosed
  const running = isStarted ? state.started : await unlessAborted(signal, () => start(state))
  assertTold(running as Running)
  return running as Running
}

/** As {@link startedAndTold}, once every directory was read: only then is what is not known not there. */
export async function scannedAndTold(state: DirectoryState, signal?: AbortSignal): Promise<Running> {
  const running = await startedAndTold(state, signal)
  if (running.isScanned()) return running
  await unlessAborted(signal, () => running.scanned)
  return await startedAndTold(state, signal)
}

/** The file that stands at a path, looked at since the start; `undefined` only when it is known that there is none. */
export async function fileAt(
  state: DirectoryState,
  path: string,
  signal?: AbortSignal,
): Promise<CatalogueFile | undefined> {
  const running = await startedAndTold(state, signal)
  const known = state.catalogue.atPath(path)
  if (known !== undefined && !(await verify(running, [known]))) return known
  await (known === undefined ? scannedAndTold(state, signal) : undefined)
  const found = state.catalogue.atPath(path) ?? (await revealed(state, running, path, signal))
  if (found !== undefined) return found
  await assertRootsPresent(state)
  const doubt = running.tracker.doubtAt(path)
  if (doubt !== undefined) throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', doubt)
  return undefined
}

/** The file at a path that came, or was replaced, a moment ago: whether it is whole is known soon. */
async function revealed(
  { roots, catalogue }: DirectoryState,
  { inspector }: Running,
  path: string,
  signal: AbortSignal | undefined,
): Promise<CatalogueFile | undefined> {
  const settled = (): Promise<unknown> => Promise.all(roots.map((_, root) => inspector.settled({ root, path })))
  await unlessAborted(signal, () => within(settled(), settleMs))
  return catalogue.atPath(path)
}

/**
 * Looks at those of these files that are known from a snapshot only; tells whether there were any. Nothing that a snapshot
 * says is served before.
 */
export async function verify(
  { tracker, inspector }: Running,
  files: readonly Pick<CatalogueFile, 'root' | 'path' | 'isUnverified'>[],
): Promise<boolean> {
  const unverified = files.filter(({ isUnverified }) => isUnverified)
  if (unverified.length === 0) return false
  for await (const some of slices(unverified, looksAtOnce)) {
    await tracker.lookAll(some).catch((error: unknown) => {
      throw asStoreError(error, some[0]?.path ?? '')
    })
  }
  await within(Promise.all(unverified.map(inspector.settled)), settleMs)
  return true
}
