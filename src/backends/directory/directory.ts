import type { Backend, DistributionFile, FilePart, OpenedFile, OpenFileOptions } from '../../backend.js'
import { asStoreError, PypiServerError } from '../../errors.js'
import { within } from '../../util/within.js'
import { openBytes } from '../open-bytes.js'
import { fileAtHand, findFile } from './at-hand.js'
import type { CatalogueFile } from './catalogue.js'
import { freeProject, publish, remove, setStatus, setYanked } from './changes.js'
import { getProject } from './get-project.js'
import { absolutePath, companionSuffixes } from './layout.js'
import { listProjects, listRevision } from './listing.js'
import { localFile } from './local-file.js'
import { contentEtag, openPath } from './open-file.js'
import {
  assertRootsPresent,
  type DirectoryOptions,
  type DirectoryState,
  newState,
  type Running,
  start,
  stop,
} from './state.js'
import { fileAt, startedAndTold } from './told.js'
import { projectAtHand } from './view.js'

export type { DirectoryOptions } from './state.js'

/** A backend with every capability. */
export type DirectoryBackend = Required<Backend>

/**
 * Projects out of plain files below one or more directories, read in their order; uploads go to the first. Scanned once
 * at first use, then kept current by change notices and by its own writes. Touches nothing before that.
 */
export function directory(roots: string | readonly string[], options: DirectoryOptions = {}): DirectoryBackend {
  const state = newState(roots, options)
  return {
    name: `directory ${state.roots.join(', ')}`,
    listProjects: ({ signal } = {}) => listProjects(state, signal),
    listRevision: ({ signal } = {}) => listRevision(state, signal),
    getProject: (name, { signal } = {}) => getProject(state, name, signal),
    projectAtHand: (name) => projectAtHand(state, name),
    openFile: (file, openOptions = {}) => openFile(state, file, openOptions),
    localFile: (file, { signal } = {}) => localFile(state, file, signal).catch(storeError(file.path)),
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
    freeProject: (project) => freeProject(state, project),
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
  const current = await fileAt(state, file.path, options.signal)
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

function firstRoot({ roots: [root = ''] }: DirectoryState): string {
  return root
}
