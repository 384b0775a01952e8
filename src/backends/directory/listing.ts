import { setImmediate } from 'node:timers/promises'
import type { ProjectSummary } from '../../backend.js'
import type { DirectoryState } from './state.js'
import { startedAndTold } from './told.js'

const projectsPerPage = 1000

/** All projects that have a file to show, in pages. */
export async function* listProjects(
  state: DirectoryState,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly ProjectSummary[]> {
  await startedAndTold(state, signal)
  let page: ProjectSummary[] = []
  for (const project of state.catalogue.projects()) {
    page.push({ ...project, serial: state.serials.of(project.name) })
    if (page.length < projectsPerPage) continue
    yield page
    // Whoever reads all pages must not keep others waiting.
    await setImmediate()
    signal?.throwIfAborted()
    page = []
  }
  if (page.length > 0) yield page
}

/** Another text whenever {@link listProjects} would tell something else. */
export async function listRevision(state: DirectoryState, signal: AbortSignal | undefined): Promise<string> {
  await startedAndTold(state, signal)
  return `${state.catalogue.shownChanges()} ${state.serials.given()}`
}
