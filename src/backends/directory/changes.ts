import { unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type {
  Candidate,
  DistributionFile,
  NormalizedName,
  Project,
  PublishOptions,
  RemoveOptions,
  Yank,
} from '../../backend.js'
import { discard } from '../../digests/spool.js'
import { asStoreError, errorMessage, PypiServerError, undefinedIf } from '../../errors.js'
import { syncDirectory } from '../../util/sync-directory.js'
import type { CatalogueFile } from './catalogue.js'
import { absolutePath, type Companion, companionSuffixes, companions, type FileState } from './layout.js'
import type { ProjectDocument } from './project-documents.js'
import { place, settle } from './publish.js'
import { assertRootsPresent, changed, type DirectoryState, placeKey, type Running, start } from './state.js'
import { scannedAndTold } from './told.js'
import type { TrackedPath } from './tracker.js'
import { toDistributionFile } from './view.js'

// What changes files and what is known of their projects; each change is on the disk when it fulfils.

/** See `Backend.publish`; of one file name after the other. */
export async function publish(
  state: DirectoryState,
  candidate: Candidate,
  { overwrite = false, signal }: PublishOptions,
): Promise<DistributionFile> {
  const running = await scannedAndTold(state, signal)
  const stray = overwrite ? companions : await strayBeside(state, running, candidate.filename)
  // Nothing may begin anew on the mount point of a disk that is gone.
  if (stray.length === companions.length || state.roots.length > 1) await state.assertPresent()
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
  const placement = { root: folder, target, spooledPath, overwrite, companions: beside, stray, syncFolder }
  const enterPlaced = async (): Promise<CatalogueFile | undefined> => {
    if ((await place(placement)) === 'locked') tellOfLocks(state, folder)
    // From here on it is stored: nothing may say otherwise.
    return await enter(state, running, { root, path, candidate, known }).catch((error: unknown) => {
      state.logger.warn({ file: path, reason: errorMessage(error) }, 'a stored file cannot be looked at yet')
      return undefined
    })
  }
  // Who reads a file that is being replaced has to see what stands there.
  const entry = replaced ? await enterPlaced() : await whilePlacing(state, running, { root, path }, enterPlaced)
  // With overwrite, one name keeps one content: other spellings and other folders lose theirs.
  for (const other of taken) if (other.path !== path || other.root !== root) await unlinkEntry(state, other)
  return entry === undefined ? unseen(candidate, path) : toDistributionFile(state, entry, document)
}

/**
 * The kinds of companions that stand where those of a new file go. If any is missing, its root was looked at, too, as
 * {@link assertRootsPresent} does.
 */
async function strayBeside(
  { disk, roots: [root = ''] }: DirectoryState,
  { tracker }: Running,
  filename: string,
): Promise<readonly Companion[]> {
  const names = companions.map((kind) => filename + companionSuffixes[kind])
  const look = { kind: 'look', root, inode: tracker.inode(0), directory: '', names } as const
  const seen = await disk.ask(look).catch((error: unknown) => {
    throw asStoreError(error, root)
  })
  const found = new Map(seen)
  return companions.filter((kind) => found.get(filename + companionSuffixes[kind]) !== 'gone')
}

/** Runs what puts a file in its place and looks at it; others who see it meanwhile leave it alone. */
async function whilePlacing<T>(
  { placing }: DirectoryState,
  { tracker }: Running,
  { root, path }: TrackedPath,
  work: () => Promise<T>,
): Promise<T> {
  const place = { wasSeen: false }
  let entered: T | undefined
  placing.set(placeKey(root, path), place)
  try {
    entered = await work()
    return entered
  } finally {
    placing.delete(placeKey(root, path))
    // Somebody else's may stand there.
    if (place.wasSeen && entered === undefined) tracker.notice(root, path)
  }
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

/** See `Backend.setYanked`. */
export async function setYanked(
  state: DirectoryState,
  file: DistributionFile,
  yanked: Yank | undefined,
): Promise<boolean> {
  const { documents } = await scannedAndTold(state)
  if (state.catalogue.atPath(file.path) === undefined) return false
  await state.audit.assertWritable()
  await documents.change(file.project, (document) => {
    const { [file.path]: _, ...others } = document.yanked ?? {}
    return { ...document, yanked: yanked === undefined ? others : { ...others, [file.path]: yanked } }
  })
  return true
}

/** See `Backend.setStatus`. */
export async function setStatus(
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

/** See `Backend.remove`; of one file name after the other. */
export async function remove(
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

/** Forgets that a name was used, once no file has it. Tells whether there was anything to forget. */
export async function freeProject(state: DirectoryState, project: NormalizedName): Promise<boolean> {
  const { documents } = await scannedAndTold(state)
  await assertRootsPresent(state)
  if (!(await documents.readNow(project)).isUploaded) return false
  await state.audit.assertWritable()
  await documents.change(project, (document) => {
    if (state.catalogue.has(project))
      throw new PypiServerError('ERR_PYPI_FORBIDDEN', `${project} has files: remove them first`)
    const { isUploaded: _, status: __, ...others } = document
    return others
  })
  return true
}
