import { createHash } from 'node:crypto'
import type { DistributionFile, NormalizedName, Project } from '../../backend.js'
import { within } from '../../util/within.js'
import type { CatalogueFile } from './catalogue.js'
import type { Inspector } from './inspector.js'
import type { DirectoryState } from './state.js'

/** The project as it stands, put together once per change; waits for what was found only now to be looked into. */
export function currentProject(state: DirectoryState, inspector: Inspector, name: NormalizedName): Promise<Project> {
  const known = state.projects.get(name)
  if (known !== undefined) return known
  const building = build(state, inspector, name)
  state.projects.set(name, building)
  building.catch(() => {
    if (state.projects.get(name) === building) state.projects.delete(name)
  })
  return building
}

async function build(state: DirectoryState, inspector: Inspector, name: NormalizedName): Promise<Project> {
  await Promise.all(state.catalogue.filesOf(name).map(inspector.described))
  const digested = Promise.all(state.catalogue.filesOf(name).map(inspector.digested))
  await within(digested, state.digestWaitMs)
  const files = state.catalogue.filesOf(name).map((file) => toDistributionFile(state, file))
  return { name, revision: revisionOf(files), files }
}

/** What pages tell of a catalogue entry. */
export function toDistributionFile(state: DirectoryState, file: CatalogueFile): DistributionFile {
  const { inspection } = file
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
    ...(state.catalogue.hasSignature(file) && { hasSignature: true }),
  }
}

function revisionOf(files: readonly DistributionFile[]): string {
  const lines = files.map((file) => JSON.stringify(file)).sort()
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 32)
}
