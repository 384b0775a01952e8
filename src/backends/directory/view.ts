import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { DistributionFile, NormalizedName, Project } from '../../backend.js'
import { slices } from '../../util/slices.js'
import { within } from '../../util/within.js'
import type { CatalogueFile } from './catalogue.js'
import type { ProjectDocument } from './project-documents.js'
import type { Shown } from './serials.js'
import type { DirectoryState, Running } from './state.js'
import { verify } from './told.js'

/** Files of all projects that are kept as they were last put together, about 1 KiB each. */
const filesKept = 50_000
const filesPerSlice = 500
const filesPerTurn = 100

/** A project as it was last put together. */
export interface KnownProject {
  readonly building: Promise<Project>
  readonly ready: Project | undefined
}

/** Projects as they were last put together; the least recently asked for go first. */
export type KnownProjects = LRUCache<NormalizedName, KnownProject>

/** No projects yet. */
export function createKnownProjects(): KnownProjects {
  return new LRUCache({ maxSize: filesKept })
}

/** The project as it stands, put together once per change; waits for what was found only now to be looked into. */
export function currentProject(state: DirectoryState, running: Running, name: NormalizedName): Promise<Project> {
  const known = state.projects.get(name)
  if (known !== undefined) return known.building
  const entry: KnownProject = { building: build(state, running, name), ready: undefined }
  state.projects.set(name, entry, { size: 1 })
  const isCurrent = (): boolean => state.projects.peek(name) === entry
  entry.building.then(
    (project) => {
      if (!isCurrent()) return
      // What failed once is tried again for whoever asks next.
      if (state.catalogue.hasProblem(name)) state.projects.delete(name)
      else state.projects.set(name, { ...entry, ready: project }, { size: sizeOf(project) })
    },
    () => isCurrent() && state.projects.delete(name),
  )
  return entry.building
}

function sizeOf({ files }: Project): number {
  return Math.min(files.length + 1, filesKept)
}

/** The project when it has been put together since its last change, and the roots can be told of. */
export function projectAtHand(state: DirectoryState, name: NormalizedName): Project | undefined {
  const { isClosed, started } = state
  if (isClosed || started === undefined || started.tracker.problem() !== undefined) return undefined
  return state.catalogue.has(name) ? state.projects.get(name)?.ready : undefined
}

async function build(state: DirectoryState, running: Running, name: NormalizedName): Promise<Project> {
  if (await verify(running, await filesOf(state, name))) return await build(state, running, name)
  const found = await lookInto(state, running, name)
  const document = await running.documents.read(name)
  const { files, lines, shown } = await describe(state, found, document)
  const serial = await state.serials.assign(name, shown)
  const { status } = document
  const revision = await revisionOf([...lines, String(serial)], status)
  return { name, files, ...(status && { status }), ...(serial !== undefined && { serial }), revision }
}

// A file that is published by another process, or whose publisher was killed, loses its temporary name once.
const looksAtMost = 5

/**
 * The files of a project once all of them are described, and digested as far as that does not take too long. Names of a
 * file come and go, which makes it another to whoever is reading it: then it is looked into again.
 */
async function lookInto(
  state: DirectoryState,
  running: Running,
  name: NormalizedName,
): Promise<readonly CatalogueFile[]> {
  const endMs = performance.now() + state.digestWaitMs
  let found = await filesOf(state, name)
  if (!found.every(isKnown)) await running.inspector.catchUp()
  for (let look = 0; look < looksAtMost; look += 1) {
    const uninspected = found.filter((file) => file.inspection === undefined)
    await forEach(uninspected, running.inspector.described)
    const undigested = (await filesOf(state, name)).filter((file) => file.inspection?.hashes === undefined)
    const digesting = forEach(undigested, (file) => digest(running, file))
    await within(digesting, Math.max(0, endMs - performance.now()))
    found = await filesOf(state, name)
    if (found.every(isKnown) || performance.now() >= endMs) break
  }
  return found
}

/** Begins work on all files, a little at a time; fulfils when it is done. */
async function forEach(
  files: readonly CatalogueFile[],
  work: (file: CatalogueFile) => Promise<unknown>,
): Promise<void> {
  const begun: Promise<unknown>[] = []
  for await (const some of slices(files, filesPerTurn)) begun.push(...some.map(work))
  await Promise.all(begun)
}

async function digest({ inspector, tracker }: Running, file: CatalogueFile): Promise<void> {
  const current = await inspector.digested(file)
  // What cannot be looked at is listed as it is known, and looked at again by whoever watches.
  if (current === undefined || !isKnown(current)) await tracker.look(file.root, file.path).catch(() => {})
}

function isKnown({ inspection, problem }: CatalogueFile): boolean {
  return inspection?.hashes !== undefined || problem !== undefined
}

async function describe(
  state: DirectoryState,
  found: readonly CatalogueFile[],
  document: ProjectDocument,
): Promise<{ readonly files: readonly DistributionFile[]; readonly lines: readonly string[]; readonly shown: Shown }> {
  const files: DistributionFile[] = []
  const lines: string[] = []
  const facts: string[] = []
  for await (const slice of slices(found, filesPerSlice)) {
    for (const file of slice) {
      const entry = toDistributionFile(state, file, document)
      files.push(entry)
      lines.push(JSON.stringify(entry))
      // No digests but one: processes with other settings see the same.
      facts.push(JSON.stringify({ ...entry, hashes: entry.hashes['sha256'] }))
    }
  }
  const fingerprint = (await revisionOf(facts, document.status)).slice(0, 16)
  return { files, lines, shown: { fingerprint, fileCount: files.length, isMarked: document.status !== undefined } }
}

/** What mirrors are to know of a project, without waiting for its files; `undefined` while more is about to be known. */
export async function shownProject(
  state: DirectoryState,
  { documents, tracker, isScanned }: Running,
  name: NormalizedName,
): Promise<Shown | undefined> {
  if (!isScanned() || tracker.problem() !== undefined) return undefined
  // Before the files are unpacked: a large project is asked for whenever something was found out about it.
  if (!state.catalogue.isInspected(name)) return undefined
  const document = await documents.read(name)
  const found = await filesOf(state, name)
  return found.every(isKnown) ? (await describe(state, found, document)).shown : undefined
}

async function filesOf({ catalogue }: DirectoryState, name: NormalizedName): Promise<readonly CatalogueFile[]> {
  const files: CatalogueFile[] = []
  for await (const ids of slices(catalogue.idsOf(name), filesPerSlice)) {
    for (const id of ids) {
      const file = catalogue.byId(id)
      // Between two slices it may have gone, and another one come.
      if (file?.project === name) files.push(file)
    }
  }
  return files
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

async function revisionOf(lines: string[], status: Project['status']): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(status ?? null))
  for await (const slice of slices(lines.sort(), filesPerSlice)) hash.update(`\n${slice.join('\n')}`)
  return hash.digest('hex').slice(0, 32)
}
