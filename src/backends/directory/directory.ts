import { unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type {
  Backend,
  Candidate,
  DistributionFile,
  FilePart,
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
import { asStoreError, errorMessage, PypiServerError, undefinedIf } from '../../errors.js'
import { syncDirectory } from '../../util/sync-directory.js'
import { within } from '../../util/within.js'
import { openBytes } from '../open-bytes.js'
import { fileAtHand, findFile } from './at-hand.js'
import type { CatalogueFile } from './catalogue.js'
import { getProject } from './get-project.js'
import { type Companion, companionSuffixes, companions, type FileState } from './layout.js'
import { contentEtag, openPath } from './open-file.js'
import type { ProjectDocument } from './project-documents.js'
import { place, settle } from './publish.js'
import {
  assertRootsPresent,
  changed,
  type DirectoryOptions,
  type DirectoryState,
  newState,
  type Running,
  start,
  stop,
} from './state.js'
import { fileAt, scannedAndTold, startedAndTold } from './told.js'
import { projectAtHand, toDistributionFile } from './view.js'

export type { DirectoryOptions } from './state.js'

/** A backend with every capability. */
export type DirectoryBackend = Required<Backend>

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
    getProject: (name, { signal } = {}) => getProject(state, name, signal),
    projectAtHand: (name) => projectAtHand(state, name),
    openFile: (file, openOptions = {}) => openFile(state, file, openOptions),
    findFile: (path, { signal } = {}) => findFile(state, path, signal),
    fileAtHand: (path, part = 'content') => fileAtHand(state, path, part),
    publish: (candidate, publishOptions = {}) =>
      state.writes(candidate.filename.toLowerCase(), () => publish(state, candidate, publishOptions)),
    setYanked: (file, yanked) => setYanked(state, file, yanked),
    getStatus: async (project, { signal } = {}) => {
      const { documents } = await startedAndTold(state, signal)
      return (await documents.read(project)).status
    },
    setStatus: (project, status) => setStatus(state, project, status),
    remove: (file, options = {}) => state.writes(file.filename.toLowerCase(), () => remove(state, file, options)),
    audit: (entry) => state.audit.append(entry),
    lastSerial: async ({ signal } = {}) => {
      await startedAndTold(state, signal)
      return state.serials.last()
    },
    changesSince: async (serial, { limit = 50_000, signal } = {}) => {
      await startedAndTold(state, signal)
      return state.serials.since(serial, limit)
    },
    watch: (listener, { signal }) => watch(state, listener, signal),
    spoolDirectory: () => state.ensureSpool().catch(storeError(firstRoot(state))),
    check: async ({ signal } = {}) => {
      await startedAndTold(state, signal)
      await assertRootsPresent(state)
    },
    close: () => stop(state),
  }
}

async function* listProjects(
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

async function openFile(
  state: DirectoryState,
  file: DistributionFile,
  options: OpenFileOptions,
): Promise<OpenedFile | undefined> {
  const running = await startedAndTold(state, options.signal)
  const entry = await fileAt(state, file.path, options.signal)
  if (entry === undefined) return undefined
  const opened = await openPart(state, running, { entry, file }, options).catch(storeError(entry.path))
  if (opened !== undefined) return opened
  // Missing or replaced behind our back: make sure that it is the file that is missing and not its disk, and look again.
  await assertRootsPresent(state)
  await lookNow(running, entry.root, entry.path).catch(storeError(entry.path))
  const current = state.catalogue.atPath(file.path)
  if (current === undefined) return undefined
  const openedNow = await openPart(state, running, { entry: current, file }, options).catch(storeError(entry.path))
  if (openedNow !== undefined || !isKnownToExist(current, options.part ?? 'content')) return openedNow
  // It was seen and cannot be opened: its directory comes and goes, or its bytes do.
  throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', `${entry.path} was seen, and could not be opened`)
}

async function openPart(
  state: DirectoryState,
  { inspector }: Running,
  { entry, file }: { readonly entry: CatalogueFile; readonly file: DistributionFile },
  options: OpenFileOptions,
): Promise<OpenedFile | undefined> {
  const path = absolutePath(state, entry)
  switch (options.part ?? 'content') {
    case 'content':
      return await openPath(path, state.files, ({ identity }) => contentEtag(entry, identity), options)
    case 'signature':
      return await openPath(`${path}.asc`, state.files, (found) => found.identity, options)
    case 'provenance': {
      // What the record tells, not what stands there by now: what nobody verified must not pass for verified.
      const suffix = file.provenance && companionSuffixes[file.provenance]
      return suffix && (await openPath(path + suffix, state.files, (found) => found.identity, options))
    }
    case 'metadata': {
      const metadata = await inspector.metadata(entry)
      const { modifiedMs } = entry.state
      return metadata && openBytes(metadata.bytes, { etag: metadata.sha256, modifiedMs }, options)
    }
  }
}

function isKnownToExist({ inspection }: CatalogueFile, part: FilePart): boolean {
  return part === 'content' || (part === 'metadata' && inspection?.metadataSha256 !== undefined)
}

// Long, for a machine may be busy, and a file that is there must not be called missing for that.
const lookMs = 10_000

/** Takes in what stands at a path now, and waits a little until it is known whether it can be shown. */
async function lookNow({ tracker, inspector }: Running, root: number, path: string): Promise<void> {
  await tracker.look(root, path)
  await within(inspector.settled({ root, path }), lookMs)
}

async function publish(
  state: DirectoryState,
  candidate: Candidate,
  { overwrite = false, signal }: PublishOptions,
): Promise<DistributionFile> {
  const running = await scannedAndTold(state, signal)
  // Nothing may begin anew on the mount point of a disk that is gone.
  await state.assertPresent()
  const taken = state.catalogue.named(candidate.filename)
  if (taken.length > 0 && !overwrite) {
    for (const entry of taken) await settle(absolutePath(state, entry))
    throw new PypiServerError('ERR_PYPI_FILE_EXISTS', `${candidate.filename} exists`)
  }
  const replaced = taken.find((file) => file.filename === candidate.filename)
  const [root, path] = replaced === undefined ? [0, candidate.filename] : [replaced.root, replaced.path]
  const folder = state.roots[root] ?? ''
  const target = join(folder, path)
  const { spooledPath, project } = candidate
  const beside = companionsOf(candidate)
  const known = companions.filter((kind) => beside[kind] ?? state.catalogue.hasCompanion({ root, path }, kind))
  await state.audit.assertWritable()
  // Before the file: a name must not be taken for foreign once it has a file of ours.
  const document = await running.documents.change(project, (before) => {
    if (!overwrite) checkRetired(before, candidate)
    return free({ ...before, isUploaded: true }, candidate.filename)
  })
  const { syncFolder } = state
  const how = await place({ root: folder, target, spooledPath, overwrite, companions: beside, syncFolder })
  if (how === 'locked') tellOfLocks(state, folder)
  // From here on it is stored: nothing may say otherwise.
  const entry = await enter(state, running, { root, path, candidate, known }).catch((error: unknown) => {
    state.logger.warn({ file: path, reason: errorMessage(error) }, 'a stored file cannot be looked at yet')
  })
  // With overwrite, one name keeps one content: other spellings and other folders lose theirs.
  for (const other of taken) if (other.path !== path || other.root !== root) await unlinkEntry(state, other)
  return entry === undefined ? unseen(candidate, path) : toDistributionFile(state, entry, document)
}

function tellOfLocks(state: DirectoryState, directory: string): void {
  if (state.isToldOfLocks) return
  state.isToldOfLocks = true
  const remark = 'names are given out under locks, so let only one host take uploads'
  state.logger.warn({ directory }, `a file system without hard links: ${remark}`)
}

/** A file that is stored, and of which nothing else can be told now. */
function unseen({ project, filename, version, size, hashes }: Candidate, path: string): DistributionFile {
  return { project, filename, version, path, size, hashes, uploadTimeMs: Date.now() }
}

/** The name of a file that was removed stays bound to its bytes: lock files and caches still know them. */
function checkRetired({ removed }: ProjectDocument, { filename, hashes }: Candidate): void {
  const sha256 = removed?.[filename.toLowerCase()]
  if (sha256 === undefined || sha256 === hashes['sha256']) return
  const message = `${filename} was removed here, and its name cannot be used for other bytes; use a new version`
  throw new PypiServerError('ERR_PYPI_UPLOAD_REFUSED', message)
}

function free(document: ProjectDocument, filename: string): ProjectDocument {
  const { [filename.toLowerCase()]: retired, ...removed } = document.removed ?? {}
  return retired === undefined ? document : { ...document, removed }
}

async function setYanked(state: DirectoryState, file: DistributionFile, yanked: Yank | undefined): Promise<boolean> {
  const { documents } = await scannedAndTold(state)
  if (state.catalogue.atPath(file.path) === undefined) return false
  await state.audit.assertWritable()
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
  const { documents } = await scannedAndTold(state)
  if (!state.catalogue.has(project) && !(await documents.read(project)).isUploaded) return false
  await state.audit.assertWritable()
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

/** A file that was just put in its place. */
interface Placed {
  readonly root: number
  readonly path: string
  readonly candidate: Candidate
  /** What stands beside it, or did before. */
  readonly known: readonly Companion[]
}

/** Enters a file with all that is known of it, as the tracker sees it, after all looks that were under way before. */
async function enter(
  state: DirectoryState,
  { cache, tracker }: Running,
  { root, path, candidate: { hashes, metadata, requiresPython }, known }: Placed,
): Promise<CatalogueFile | undefined> {
  const inspection = {
    state: 'complete',
    hashes,
    ...(metadata !== undefined && { metadataSha256: metadata.sha256 }),
    ...(requiresPython !== undefined && { requiresPython }),
  } as const
  let entered: CatalogueFile | undefined
  const onFile = (found: FileState | undefined): void => {
    state.catalogue.update(root, path, found)
    const entry =
      found && state.catalogue.named(basename(path)).find((file) => file.root === root && file.path === path)
    if (entry === undefined) return
    if (state.algorithms.every((algorithm) => hashes[algorithm] !== undefined)) {
      cache.set(`${root}/${path}`, entry.state.identity, inspection)
    }
    changed(state, entry.project)
    entered = state.catalogue.note(entry, { inspection, isHeld: false }) ?? { ...entry, inspection, isHeld: false }
  }
  await tracker.look(root, path, { suffixes: known.map((kind) => companionSuffixes[kind]), onFile })
  return entered
}

async function remove(
  state: DirectoryState,
  file: DistributionFile,
  { freesName = false, signal }: RemoveOptions,
): Promise<boolean> {
  const { documents, inspector } = await scannedAndTold(state, signal)
  const entry = state.catalogue.atPath(file.path)
  if (entry === undefined) {
    await assertRootsPresent(state)
    return false
  }
  await state.audit.assertWritable()
  const known = freesName ? entry : await inspector.digested(entry)
  // A file that nobody can read retires its name all the same: no other bytes have the empty digest.
  const sha256 = known?.inspection?.hashes?.['sha256'] ?? ''
  // Before the file, so that no crash leaves its name free.
  await documents.change(file.project, (document) => ({
    ...document,
    isUploaded: true,
    ...(!freesName && { removed: { ...document.removed, [file.filename.toLowerCase()]: sha256 } }),
  }))
  const wasThere = await unlinkEntry(state, entry)
  if (!wasThere && state.catalogue.current(entry) !== undefined)
    throw new PypiServerError(
      'ERR_PYPI_STORE_UNAVAILABLE',
      `${entry.path} could not be removed: its directory was away`,
    )
  // After the file, so that no crash shows it as it was before it was yanked.
  await documents
    .change(file.project, (document) => withoutYank(document, file.path))
    .catch((error: unknown) => {
      state.logger.warn({ file: file.path, reason: errorMessage(error) }, 'a removed file stays noted as yanked')
    })
  return wasThere
}

function withoutYank(document: ProjectDocument, path: string): ProjectDocument {
  if (document.yanked?.[path] === undefined) return document
  const { [path]: _, ...yanked } = document.yanked
  return { ...document, yanked }
}

/** The file before its signature: what is there is whole at every moment. */
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
