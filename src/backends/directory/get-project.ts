import type { NormalizedName, Project } from '../../backend.js'
import { assertNameUnused, assertRootsPresent, type DirectoryState, start } from './state.js'
import { scannedAndTold, startedAndTold } from './told.js'
import { unlessAborted } from './unless-aborted.js'
import { currentProject } from './view.js'

/** The project as it stands; `undefined` only when it is known that there is none, and none was uploaded here. */
export async function getProject(
  state: DirectoryState,
  name: NormalizedName,
  signal: AbortSignal | undefined,
): Promise<Project | undefined> {
  const first = await projectAhead(state, name, signal)
  if (first !== undefined) return first
  const running = await startedAndTold(state, signal)
  if (state.catalogue.has(name)) {
    const project = await unlessAborted(signal, () => currentProject(state, running, name))
    if (state.catalogue.has(name)) return project
  }
  await scannedAndTold(state, signal)
  if (state.catalogue.has(name)) return await unlessAborted(signal, () => currentProject(state, running, name))
  await assertRootsPresent(state)
  // A name that was used here stays ours: it must not lead to somebody else's project.
  const { isUploaded } = await running.documents.readNow(name)
  if (isUploaded) return await currentProject(state, running, name)
  assertNameUnused(running)
  return undefined
}

/** The project, if it can be told while the names of all files are still being read; `undefined` once they are. */
async function projectAhead(
  state: DirectoryState,
  name: NormalizedName,
  signal: AbortSignal | undefined,
): Promise<Project | undefined> {
  if (state.started !== undefined || state.isClosed) return undefined
  const find = async (): Promise<Project | undefined> => {
    const running = await state.ahead.find(name)
    const project = running && state.catalogue.has(name) ? await currentProject(state, running, name) : undefined
    return state.catalogue.has(name) ? project : undefined
  }
  const all = start(state).then(() => undefined)
  // Whatever goes wrong is told by the start.
  const found = state.ahead.whileAsked(find).then(
    (project) => project ?? all,
    () => all,
  )
  return await unlessAborted(signal, () => Promise.race([all, found]))
}
