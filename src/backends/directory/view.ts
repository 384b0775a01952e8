import { createHash } from 'node:crypto'
import type { DistributionFile, NormalizedName, Project } from '../../backend.js'
import { within } from '../../util/within.js'
import type { CatalogueFile } from './catalogue.js'
import { isBarred } from './inspector.js'
import type { ProjectDocument } from './project-documents.js'
import type { DirectoryState, Running } from './state.js'

/** The project as it stands, put together once per change; waits for what was found only now to be looked into. */
export function currentProject(state: DirectoryState, running: Running, name: NormalizedName): Promise<Project> {
  const known = state.projects.get(name)
  if (known !== undefined) return known
  const building = build(state, running, name)
  state.projects.set(name, building)
  const forget = (): void => {
    if (state.projects.get(name) === building) state.projects.delete(name)
  }
  building.then((project) => {
    // What failed once is tried again for whoever asks next.
    if (state.catalogue.filesOf(name).some(isRetried)) forget()
    else if (state.projects.get(name) === building) state.projectsAtHand.set(name, project)
  }, forget)
  return building
}

/** The project when it has been put together since its last change, and the roots can be told of. */
export function projectAtHand(state: DirectoryState, name: NormalizedName): Project | undefined {
  const { isClosed, started } = state
  if (isClosed || started === undefined || started.tracker.problem() !== undefined) return undefined
  return state.catalogue.has(name) ? state.projectsAtHand.get(name) : undefined
}

async function build(state: DirectoryState, { inspector, documents }: Running, name: NormalizedName): Promise<Project> {
  await Promise.all(state.catalogue.filesOf(name).map(inspector.described))
  const digested = Promise.all(state.catalogue.filesOf(name).map(inspector.digested))
  await within(digested, state.digestWaitMs)
  const document = await documents.read(name)
  const files = state.catalogue.filesOf(name).map((file) => toDistributionFile(state, file, document))
  const { status } = document
  const facts = { name, files, ...(status && { status }) }
  return { ...facts, revision: revisionOf(facts) }
}

function isRetried(file: CatalogueFile): boolean {
  return file.problem !== undefined && !isBarred(file)
}

/** What pages tell of a catalogue entry. */
export function toDistributionFile(
  state: DirectoryState,
  file: CatalogueFile,
  { yanked }: ProjectDocument,
): DistributionFile {
  const { inspection } = file
  const yank = yanked?.[file.path]
  return {
    project: file.project,
    filename: file.filename,
    path: file.path,
    version: file.version,
    size: file.state.size,
    hashes: inspection?.hashes ?? {},
    uploadTimeMs: file.state.modifiedMs,
    ...(inspection?.requiresPython !== undefined && { requiresPython: inspection.requiresPython }),
    // Only wheels: old pips fetch an sdist twice when it promises metadata, and what it builds may differ.
    ...(file.format === 'wheel' &&
      inspection?.metadataSha256 !== undefined && { coreMetadata: { sha256: inspection.metadataSha256 } }),
    ...(state.catalogue.hasCompanion(file, 'signature') && { hasSignature: true }),
    ...provenanceEntry(state, file),
    ...(yank !== undefined && { yanked: yank }),
  }
}

function provenanceEntry({ catalogue }: DirectoryState, file: CatalogueFile): Pick<DistributionFile, 'provenance'> {
  const provenance = (['verified', 'unverified'] as const).find((kind) => catalogue.hasCompanion(file, kind))
  return provenance === undefined ? {} : { provenance }
}

function revisionOf({ files, status }: Pick<Project, 'files' | 'status'>): string {
  const lines = [JSON.stringify(status ?? null), ...files.map((file) => JSON.stringify(file)).sort()]
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 32)
}
