import { appendFile, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type {
  AuditEntry,
  Backend,
  Candidate,
  DistributionFile,
  NormalizedName,
  OpenedFile,
  OpenFileOptions,
  Project,
  ProjectSummary,
  PublishOptions,
  RemoveOptions,
  Yank,
} from '../../backend.js'
import { discard } from '../../digests/spool.js'
import { asStoreError, PypiServerError, undefinedIf } from '../../errors.js'
import { syncDirectory } from '../../util/sync-directory.js'
import { within } from '../../util/within.js'
import type { CatalogueFile } from './catalogue.js'
import { auditFile, type Companion, companionSuffixes, companions, type FileState, fileState } from './layout.js'
import { openBytes, openPath } from './open-file.js'
import type { ProjectDocument } from './project-documents.js'
import { ensureSpoolFolder, place } from './publish.js'
import {
  assertRootsPresent,
  assertTold,
  changed,
  type DirectoryOptions,
  type DirectoryState,
  newState,
  type Running,
  start,
  stop,
} from './state.js'
import { ensureState } from './state-folder.js'
import { unlessAborted } from './unless-aborted.js'
import { currentProject, toDistributionFile } from './view.js'

export type { DirectoryOptions } from './state.js'

/** A backend that can be written to. */
export type DirectoryBackend = Backend &
  Required<
    Pick<
      Backend,
      | 'findFile'
      | 'publish'
      | 'remove'
      | 'setYanked'
      | 'setStatus'
      | 'audit'
      | 'watch'
      | 'spoolDirectory'
      | 'check'
      | 'close'
    >
  >

const projectsPerPage = 1000

/**
 * Projects out of plain files below one or more directories, read in their order; uploads go to the first. Scanned once
 * at first use, then kept current by change notices and by its own writes. Touches nothing before that.
 */
export function directory(roots: string | readonly string[], options: DirectoryOptions = {}): DirectoryBackend {
  const state = newState(roots, options)
  return {
    name: `directory ${state.roots.join(', ')}`,
    listProjects: ({ signal } = {}) => listProjects(state, signal),
    getProject: async (name, { signal } = {}) => {
      const running = await startedAndTold(state, signal)
      if (state.catalogue.has(name)) return await unlessAborted(signal, () => currentProject(state, running, name))
      await assertRootsPresent(state)
      // A name that was used here stays ours: it must not lead to somebody else's project.
      const { isUploaded } = await running.documents.readNow(name)
      return isUploaded && (await currentProject(state, running, name))
    },
    openFile: (file, openOptions = {}) => openFile(state, file, openOptions),
    findFile: async (path, { signal } = {}) => {
      const { documents } = await startedAndTold(state, signal)
      const file = state.catalogue.atPath(path)
      if (file === undefined) {
        await assertRootsPresent(state)
        return undefined
      }
      const document = await documents.read(file.project)
      const isQuarantined = document.status?.status === 'quarantined'
      return isQuarantined ? undefined : toDistributionFile(state, file, document)
    },
    publish: (candidate, publishOptions = {}) =>
      state.writes(candidate.filename.toLowerCase(), () => publish(state, candidate, publishOptions)),
    setYanked: (file, yanked) => setYanked(state, file, yanked),
    setStatus: (project, status) => setStatus(state, project, status),
    remove: (file, options = {}) => state.writes(file.filename.toLowerCase(), () => remove(state, file, options)),
    audit: (entry) => audit(state, entry),
    watch: (listener, { signal }) => watch(state, listener, signal),
    spoolDirectory: () => ensureSpoolFolder(firstRoot(state)).catch(storeError(firstRoot(state))),
    check: async ({ signal } = {}) => {
      await startedAndTold(state, signal)
      await assertRootsPresent(state)
    },
    close: () => stop(state),
  }
}

async function startedAndTold(state: DirectoryState, signal?: AbortSignal): Promise<Running> {
  signal?.throwIfAborted()
  const isStarted = state.started !== undefined && !state.isClosed
  const running = isStarted ? state.started : await unlessAborted(signal, () => start(state))
  assertTold(running as Running)
  return running as Running
}

async function* listProjects(
  state: DirectoryState,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly ProjectSummary[]> {
  await startedAndTold(state, signal)
  let page: ProjectSummary[] = []
  for (const project of state.catalogue.projects()) {
    page.push(project)
    if (page.length < projectsPerPage) continue
    yield page
    signal?.throwIfAborted()
    page = []
  }
  if (page.length > 0) yield page
}

async function openFile(
  state: DirectoryState,
  file: DistributionFile,
  options: OpenFileOptions,
): Promise<OpenedFile | undefined> {
  const running = await startedAndTold(state, options.signal)
  const entry = state.catalogue.atPath(file.path)
  if (entry === undefined) return undefined
  const opened = await openPart(state, running, entry, options).catch(storeError(entry.path))
  if (opened !== undefined) return opened
  // Missing or replaced behind our back: make sure that it is the file that is missing and not its disk, and look again.
  await assertRootsPresent(state)
  await lookNow(running, entry.root, entry.path)
  const current = state.catalogue.atPath(file.path)
  if (current === undefined || current === entry) return undefined
  return await openPart(state, running, current, options).catch(storeError(entry.path))
}

async function openPart(
  state: DirectoryState,
  { inspector }: Running,
  entry: CatalogueFile,
  options: OpenFileOptions,
): Promise<OpenedFile | undefined> {
  const path = absolutePath(state, entry)
  switch (options.part ?? 'content') {
    case 'content':
      return await openPath(path, state.files, (found) => contentEtag(entry, found), options)
    case 'signature':
      return await openPath(`${path}.asc`, state.files, (found) => found.identity, options)
    case 'provenance': {
      const provenance = state.catalogue.hasCompanion(entry, 'verified') ? 'verified' : 'unverified'
      return await openPath(path + companionSuffixes[provenance], state.files, (found) => found.identity, options)
    }
    case 'metadata': {
      await inspector.described(entry)
      const bytes = await inspector.metadata(entry)
      return bytes && openBytes(bytes, entry.inspection?.metadataSha256 ?? '', entry.state.modifiedMs, options)
    }
  }
}

/** Validator of the bytes that pages tell of; `undefined` when these are others, perhaps half of them. */
function contentEtag(entry: CatalogueFile, found: FileState): string | undefined {
  if (entry.state.identity !== found.identity) return undefined
  return entry.inspection?.hashes?.['sha256'] ?? found.identity
}

const lookMs = 1000

/** Takes in what stands at a path now, and waits a little until it is known whether it can be shown. */
async function lookNow({ tracker, inspector }: Running, root: number, path: string): Promise<void> {
  await tracker.look(root, path)
  await within(inspector.settled(), lookMs)
}

async function publish(
  state: DirectoryState,
  candidate: Candidate,
  { overwrite = false, signal }: PublishOptions,
): Promise<DistributionFile> {
  const running = await startedAndTold(state, signal)
  const taken = state.catalogue.named(candidate.filename)
  if (taken.length > 0 && !overwrite) {
    throw new PypiServerError('ERR_PYPI_FILE_EXISTS', `${candidate.filename} exists`)
  }
  const replaced = taken.find((file) => file.filename === candidate.filename)
  const [root, path] = replaced === undefined ? [0, candidate.filename] : [replaced.root, replaced.path]
  const folder = state.roots[root] ?? ''
  const target = join(folder, path)
  const { spooledPath, project } = candidate
  const beside = companionsOf(candidate)
  const known = companions.filter((kind) => beside[kind] ?? state.catalogue.hasCompanion({ root, path }, kind))
  if (!overwrite) await checkRetired(running, candidate)
  // Before the file: a name must not be taken for foreign once it has a file of ours.
  await running.documents.change(project, (document) => free({ ...document, isUploaded: true }, candidate.filename))
  await place({ root: folder, target, spooledPath, overwrite, companions: beside })
  const entry = await enter(state, running, root, path, candidate).catch(storeError(path))
  // Looks that are under way may tell of the time before: this one comes after them. And what the tracker was never told
  // of it would not miss.
  for (const seen of [path, ...known.map((kind) => path + companionSuffixes[kind])])
    await running.tracker.look(root, seen).catch(() => {})
  // With overwrite, one name keeps one content: other spellings and other folders lose theirs.
  for (const other of taken) if (other.path !== path || other.root !== root) await unlinkEntry(state, other)
  return toDistributionFile(state, entry, await running.documents.read(project))
}

/** The name of a file that was removed stays bound to its bytes: lock files and caches still know them. */
async function checkRetired({ documents }: Running, { project, filename, hashes }: Candidate): Promise<void> {
  const sha256 = (await documents.read(project)).removed?.[filename.toLowerCase()]
  if (sha256 === undefined || sha256 === hashes['sha256']) return
  const message = `${filename} was removed here, and its name cannot be used for other bytes; use a new version`
  throw new PypiServerError('ERR_PYPI_UPLOAD_REFUSED', message)
}

function free(document: ProjectDocument, filename: string): ProjectDocument {
  const { [filename.toLowerCase()]: retired, ...removed } = document.removed ?? {}
  return retired === undefined ? document : { ...document, removed }
}

async function audit(state: DirectoryState, entry: AuditEntry): Promise<void> {
  const path = auditFile(firstRoot(state))
  const line = JSON.stringify({ time: new Date().toISOString(), ...entry })
  await ensureState(firstRoot(state)).catch(storeError(path))
  await appendFile(path, `${line}\n`, { mode: 0o600 }).catch(storeError(path))
}

async function setYanked(state: DirectoryState, file: DistributionFile, yanked: Yank | undefined): Promise<boolean> {
  const { documents } = await startedAndTold(state)
  if (state.catalogue.atPath(file.path) === undefined) return false
  await documents.change(file.project, (document) => {
    const { [file.path]: _, ...others } = document.yanked ?? {}
    return { ...document, yanked: yanked === undefined ? others : { ...others, [file.path]: yanked } }
  })
  return true
}

async function setStatus(
  state: DirectoryState,
  project: NormalizedName,
  status: NonNullable<Project['status']>,
): Promise<boolean> {
  const { documents } = await startedAndTold(state)
  if (!state.catalogue.has(project) && !(await documents.read(project)).isUploaded) return false
  await documents.change(project, (document) => ({ ...document, status }))
  return true
}

/** What goes beside an upload; `undefined` for what must not be there. */
function companionsOf({ signature, provenance }: Candidate): Readonly<Record<Companion, Uint8Array | undefined>> {
  return {
    signature,
    verified: provenance?.verification === 'verified' ? provenance.bytes : undefined,
    unverified: provenance?.verification === 'unverified' ? provenance.bytes : undefined,
  }
}

/** Enters a file that was just put in its place, with all that is known of it. */
async function enter(
  state: DirectoryState,
  { cache }: Running,
  root: number,
  path: string,
  candidate: Candidate,
): Promise<CatalogueFile> {
  const { hashes, metadata, requiresPython } = candidate
  const found = fileState(await stat(join(state.roots[root] ?? '', path), { bigint: true }))
  state.catalogue.update(root, path, found)
  for (const [kind, bytes] of Object.entries(companionsOf(candidate)))
    state.catalogue.update(root, path + companionSuffixes[kind as Companion], bytes && found)
  const entry = state.catalogue.named(basename(path)).find((file) => file.root === root && file.path === path)
  if (entry === undefined) throw new PypiServerError('ERR_PYPI_UPLOAD_REFUSED', `${path} is no distribution file name`)
  entry.isHeld = false
  entry.inspection = {
    state: 'complete',
    hashes,
    ...(metadata !== undefined && { metadataSha256: metadata.sha256 }),
    ...(requiresPython !== undefined && { requiresPython }),
  }
  if (state.algorithms.every((algorithm) => hashes[algorithm] !== undefined)) {
    cache.set(`${root}/${path}`, found.identity, entry.inspection)
  }
  changed(state, entry.project)
  return entry
}

async function remove(
  state: DirectoryState,
  file: DistributionFile,
  { freesName = false, signal }: RemoveOptions,
): Promise<boolean> {
  const { documents, inspector } = await startedAndTold(state, signal)
  const entry = state.catalogue.atPath(file.path)
  if (entry === undefined) return false
  if (!freesName) await inspector.digested(entry)
  const sha256 = entry.inspection?.hashes?.['sha256']
  // Before the file, so that no crash leaves its name free.
  await documents.change(file.project, (document) => {
    const { [file.path]: _, ...yanked } = document.yanked ?? {}
    const isRetired = !freesName && sha256 !== undefined
    return {
      ...document,
      isUploaded: true,
      ...(document.yanked && { yanked }),
      ...(isRetired && { removed: { ...document.removed, [file.filename.toLowerCase()]: sha256 } }),
    }
  })
  return await unlinkEntry(state, entry)
}

async function unlinkEntry(state: DirectoryState, entry: CatalogueFile): Promise<boolean> {
  const path = absolutePath(state, entry)
  try {
    const wasThere = await unlink(path).then(() => true, undefinedIf('ENOENT'))
    for (const suffix of Object.values(companionSuffixes)) await discard(path + suffix)
    await syncDirectory(dirname(path))
    return wasThere ?? false
  } catch (error) {
    throw asStoreError(error, path)
  } finally {
    const { tracker } = await start(state)
    await tracker.look(entry.root, entry.path)
    for (const kind of companions.filter((one) => state.catalogue.hasCompanion(entry, one)))
      await tracker.look(entry.root, entry.path + companionSuffixes[kind])
  }
}

async function watch(
  state: DirectoryState,
  listener: Parameters<DirectoryBackend['watch']>[0],
  signal: AbortSignal,
): Promise<void> {
  await start(state)
  if (signal.aborted) return
  state.listeners.add(listener)
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  state.listeners.delete(listener)
}

function storeError(what: string): (error: unknown) => never {
  return (error) => {
    throw asStoreError(error, what)
  }
}

function absolutePath(state: DirectoryState, { root, path }: CatalogueFile): string {
  return join(state.roots[root] ?? '', path)
}

function firstRoot({ roots: [root = ''] }: DirectoryState): string {
  return root
}
