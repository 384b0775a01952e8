import type { Backend, DistributionFile, NormalizedName, Project, ProjectSummary } from '../backend.js'
import { parseFilename } from '../packaging/filename.js'
import { sortKey } from '../packaging/version.js'
import { sortInSlices } from '../util/sort-in-slices.js'

/** Reads the index of a backend in the order in which it is shown. */
export interface ProjectIndex {
  /** All names, in code-point order. */
  readonly names: () => Promise<readonly NormalizedName[]>
  /** What the project list shows of each project, in code-point order of the names. */
  readonly summaries: () => Promise<readonly ProjectSummary[]>
  /** A project with its files from the oldest version (PEP 440) to the newest; `undefined` when it does not exist. At once when it is at hand. */
  readonly project: (name: NormalizedName) => Project | undefined | Promise<Project | undefined>
  /** The file that `packages/` serves at this path. */
  readonly file: (path: string) => Promise<DistributionFile | undefined>
  /** Every file of every project, project by project in the order of their names. */
  readonly files: () => AsyncIterable<readonly DistributionFile[]>
  /** Number of distribution files, as far as the backend tells. */
  readonly fileCount: () => Promise<number>
}

/** The index of this backend; holds nothing that the backend does not hold. */
export function createProjectIndex(backend: Backend): ProjectIndex {
  const sorted = new WeakMap<Project, Project>()

  async function summaries(): Promise<readonly ProjectSummary[]> {
    const pages: (readonly ProjectSummary[])[] = []
    for await (const page of backend.listProjects()) pages.push(page)
    return await sortInSlices(pages, (a, b) => compare(a.name, b.name))
  }

  async function names(): Promise<readonly NormalizedName[]> {
    const pages: (readonly NormalizedName[])[] = []
    for await (const page of backend.listProjects()) pages.push(page.map(({ name }) => name))
    return await sortInSlices(pages, compare)
  }

  function project(name: NormalizedName): Project | undefined | Promise<Project | undefined> {
    const atHand = backend.projectAtHand?.(name)
    return atHand === undefined ? backend.getProject(name).then(shown) : shown(atHand)
  }

  function shown(found: Project | undefined): Project | undefined {
    if (found === undefined) return undefined
    const known = sorted.get(found)
    if (known !== undefined) return known
    // PEP 792: a quarantined project's page stays, without its files.
    const files = found.status?.status === 'quarantined' ? [] : found.files
    const project = { ...found, files: inVersionOrder(files) }
    sorted.set(found, project)
    return project
  }

  return {
    names,
    summaries,
    project,
    files: async function* () {
      for (const name of await names()) yield (await project(name))?.files ?? []
    },
    file: (path) => (backend.findFile ? backend.findFile(path) : findInProject(project, path)),
    fileCount: async () => {
      let count = 0
      for await (const page of backend.listProjects()) for (const { fileCount = 1 } of page) count += fileCount
      return count
    },
  }
}

async function findInProject(project: ProjectIndex['project'], path: string): Promise<DistributionFile | undefined> {
  const parsed = parseFilename(path.slice(path.lastIndexOf('/') + 1))
  const found = parsed && (await project(parsed.name))
  return found?.files.find((file) => file.path === path)
}

function inVersionOrder(files: readonly DistributionFile[]): readonly DistributionFile[] {
  const keyed = files.map((file) => ({ file, key: sortKey(file.version) }))
  return keyed
    .sort((a, b) => compare(a.key, b.key) || compare(a.file.filename, b.file.filename))
    .map(({ file }) => file)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
