import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Change, NormalizedName } from '../../backend.js'
import { type DigestCache, openDigestCache } from '../../digests/digest-cache.js'
import { removeDeadSpoolFiles } from '../../digests/spool.js'
import { errorCode, errorMessage, PypiServerError } from '../../errors.js'
import { type Logger, silentLogger } from '../../logger.js'
import { createKeyedQueue, type KeyedQueue } from '../../util/keyed-queue.js'
import { removeDeadLocks } from '../../util/lock-file.js'
import { sharing } from '../../util/sharing.js'
import { syncDirectory } from '../../util/sync-directory.js'
import { within } from '../../util/within.js'
import { addNames } from './add-names.js'
import { type Ahead, createAhead } from './ahead.js'
import { createFilesAtHand, type FilesAtHand } from './at-hand.js'
import { type AuditLog, openAuditLog } from './audit-log.js'
import {
  type Catalogue,
  type CatalogueFile,
  type CatalogueRead,
  createCatalogue,
  type Inspection,
} from './catalogue.js'
import type { CatalogueUpdate } from './catalogue-changes.js'
import { createDisk, type Disk } from './disk.js'
import { createFileCache, type FileCache } from './file-cache.js'
import { createInspector, type Inspector } from './inspector.js'
import {
  digestCacheFile,
  directoryIdentity,
  locksFolder,
  mayBeSameDirectory,
  snapshotFile,
  spoolFolder,
} from './layout.js'
import { followOthers, type Others } from './others.js'
import { openProjectDocuments, type ProjectDocuments } from './project-documents.js'
import { ensureSpoolFolder } from './publish.js'
import { createSerials, type Serials } from './serials.js'
import { isOfScope, takeSnapshot } from './snapshot.js'
import { keepSnapshots, type Snapshots } from './snapshots.js'
import type { FolderRead } from './tracked-folder.js'
import { createTracker, type Tracker } from './tracker.js'
import { createKnownProjects, type KnownProjects, shownProject } from './view.js'

/** How a directory backend behaves; all optional. */
export interface DirectoryOptions {
  /** Hears of files and directories that cannot be read. @default silent */
  readonly logger?: Logger
  /** A digest to list besides sha256, named as in Python's hashlib. @default none */
  readonly hashAlgorithm?: string
  /**
   * How long a page waits, in milliseconds, for digests of files that were found just now; what is not hashed by then
   * is listed without a digest until it is. @default 10000
   */
  readonly digestWaitMs?: number
  /**
   * Whether files are read before anybody asks for them. Of several processes with the same directories one is enough: the
   * others take from it what it found out, and read what they are asked for before. @default true
   */
  readonly readAhead?: boolean
  /** Memory for files of at most 64 KiB that were served lately, in bytes; 0 keeps none. @default 32 MiB */
  readonly fileCacheBytes?: number
  /** How many larger files that were served lately stay open, for seconds after their last use; 0 keeps none. @default 64 */
  readonly maxOpenFiles?: number
}

/** What the parts of one directory backend share. */
export interface DirectoryState {
  /** Absolute paths; the first takes uploads. */
  readonly roots: readonly string[]
  /** Digest names, `sha256` first. */
  readonly algorithms: readonly string[]
  readonly digestWaitMs: number
  readonly readAhead: boolean
  readonly logger: Logger
  readonly catalogue: Catalogue
  readonly disk: Disk
  readonly files: FileCache
  readonly atHand: FilesAtHand
  /** A change deletes the entry. */
  readonly projects: KnownProjects
  readonly serials: Serials
  /** Finds single projects while the names of all files are read. */
  readonly ahead: Ahead<Running>
  readonly listeners: Set<(change: Change) => void>
  /** Publishes and removals of one file name, one after the other. */
  readonly writes: KeyedQueue
  /** Uploads that are being put in their place, by {@link placeKey}: whoever does so looks at them afterwards. */
  readonly placing: Map<string, { wasSeen: boolean }>
  readonly audit: AuditLog
  // Those who come at the same time share these.
  /** Puts the names in a folder on the disk. */
  readonly syncFolder: (folder: string) => Promise<void>
  /** As {@link assertRootsPresent}. */
  readonly assertPresent: () => Promise<void>
  /** Makes the folder for uploads and tells its path. */
  readonly ensureSpool: () => Promise<string>
  running: Promise<Running> | undefined
  /** What `running` fulfilled with: most calls need not wait for it. */
  started: Running | undefined
  /** Only whoever reads ahead knows enough to keep them. */
  snapshots: Snapshots | undefined
  sweepTimer: NodeJS.Timeout | undefined
  /** Somebody was told that names are given out under locks only. */
  isToldOfLocks: boolean
  isClosed: boolean
}

/** The parts that exist once the backend was first used. */
export interface Running {
  readonly tracker: Tracker
  readonly inspector: Inspector
  readonly others: Others | undefined
  readonly cache: DigestCache<Inspection>
  readonly documents: ProjectDocuments
  /** Fulfils when every directory was read once: until then only what a snapshot told of is known. */
  readonly scanned: Promise<void>
  readonly isScanned: () => boolean
}

/** The state of a backend that has not touched its directories yet. */
export function newState(roots: string | readonly string[], options: DirectoryOptions): DirectoryState {
  const { logger = silentLogger, hashAlgorithm, digestWaitMs = 10_000, readAhead = true } = options
  const { fileCacheBytes = 32 * 1024 * 1024, maxOpenFiles = 64 } = options
  const paths = (typeof roots === 'string' ? [roots] : roots).map((root) => resolve(root))
  if (paths.length === 0)
    throw new PypiServerError('ERR_PYPI_CONFIG', 'a directory backend needs at least one directory')
  const algorithms = [...new Set(['sha256', ...(hashAlgorithm === undefined ? [] : [hashAlgorithm])])]
  const syncFolder = sharing(syncDirectory)
  const present = sharing(() => assertRootsPresent(state))
  const ensureSpool = sharing(ensureSpoolFolder)
  const state: DirectoryState = {
    roots: paths,
    algorithms,
    digestWaitMs,
    readAhead,
    logger,
    catalogue: createCatalogue(algorithms),
    disk: createDisk(),
    files: createFileCache({ maxBytes: fileCacheBytes, maxDescriptors: maxOpenFiles }),
    atHand: createFilesAtHand(),
    projects: createKnownProjects(),
    serials: createSerials({
      root: paths[0] ?? '',
      logger,
      look: async (name) => shownProject(state, await start(state), name),
      onForeign: (name) => changed(state, name),
    }),
    ahead: createAhead((names) => findProjects(state, names)),
    listeners: new Set(),
    writes: createKeyedQueue(),
    placing: new Map(),
    audit: openAuditLog(paths[0] ?? ''),
    syncFolder,
    assertPresent: () => present(''),
    ensureSpool: () => ensureSpool(paths[0] ?? ''),
    running: undefined,
    started: undefined,
    snapshots: undefined,
    sweepTimer: undefined,
    isToldOfLocks: false,
    isClosed: false,
  }
  return state
}

/** Scans once, however many ask; afterwards the catalogue is kept current. */
export function start(state: DirectoryState): Promise<Running> {
  if (state.isClosed) return Promise.reject(new PypiServerError('ERR_PYPI_CLOSED', 'the directory backend is closed'))
  state.running ??= run(state)
  return state.running
}

// Files that were written just before the start are looked into before the first answer, but no longer than a page waits for digests.
const settleMs = 10_000
// Of some dead nobody can tell before they have been silent for long: see isOwnerDead.
const sweepMs = 60 * 60 * 1000
const removalsAtOnce = 500
// So many files are looked at within a fraction of a second; with more, the first answer comes before all are.
const scannedFirst = 5000

async function run(state: DirectoryState): Promise<Running> {
  const { roots, algorithms, catalogue, disk, readAhead, logger } = state
  const [firstRoot = ''] = roots
  const cache = await openDigestCache<Inspection>(digestCacheFile(firstRoot), logger)
  const documents = openProjectDocuments({
    root: firstRoot,
    queue: state.writes,
    syncFolder: state.syncFolder,
    logger,
    onChange: (name) => changed(state, name),
  })
  let isArrival = false
  const scope = { roots, algorithms }
  const snapshot = await disk.ask({ kind: 'load', path: snapshotFile(firstRoot) })
  const isKnown = snapshot !== undefined && isOfScope(snapshot, scope)
  const undigested = isKnown ? await takeSnapshot(snapshot, catalogue) : []
  const onStale = ({ root, path }: CatalogueFile): void => void tracker.look(root, path).catch(() => {})
  const { inspector, others } = beginInspecting(state, cache, onStale)
  const takeIn = (updates: readonly CatalogueUpdate[]): void => take(state, inspector, { updates, isArrival })
  const onRead = (root: number, directory: string): FolderRead => readInto(catalogue.beginRead(root, directory), takeIn)
  const tracker = createTracker({
    roots,
    disk,
    logger,
    onFile: (root, path, fileState) => {
      if (fileState !== undefined && isBeingPlaced(state, root, path)) return
      const update = catalogue.update(root, path, fileState)
      if (update !== undefined) takeIn([update])
    },
    onRead,
  })
  let isScanned = false
  const named = isKnown ? Promise.resolve(true) : readNames(state, () => running)
  const scanned = named.then(tracker.start).then(async () => {
    isArrival = true
    await dropVanished(tracker, catalogue, onRead)
    others?.start()
    void compact(state, cache).then(cache.release)
    await within(inspector.settled(), settleMs)
    isScanned = true
  })
  const running: Running = { tracker, inspector, others, cache, documents, scanned, isScanned: () => isScanned }
  state.serials.start(scanned, catalogue.names)
  // Told below, by what it waits for.
  scanned.catch(() => {})
  const isWhole = await named
  state.ahead.end()
  for (const id of undigested) inspector.resume(id)
  // What is known by a snapshot, or by name only, is looked at when it is asked for.
  if (!isWhole || (!isKnown && catalogue.count() <= scannedFirst)) await scanned
  const sweep = (): void => void removeDead(state)
  sweep()
  state.sweepTimer = setInterval(sweep, sweepMs).unref()
  if (readAhead) {
    state.snapshots = keepSnapshots({ ...scope, path: snapshotFile(firstRoot), catalogue, cache, logger })
  }
  state.started = running
  return running
}

/** The key of a file among those that are being put in their place. */
export function placeKey(root: number, path: string): string {
  return `${root}/${path}`
}

/** Whether this is seen in the middle of an upload: its time stamps still change, so that it would be read again for nothing. */
function isBeingPlaced({ placing }: DirectoryState, root: number, path: string): boolean {
  const place = placing.get(placeKey(root, path))
  if (place !== undefined) place.wasSeen = true
  return place !== undefined
}

function readInto(read: CatalogueRead, takeIn: (updates: readonly CatalogueUpdate[]) => void): FolderRead {
  return {
    onEntries: (entries) => takeIn(read.take(entries)),
    onEnd: async () => {
      for (let gone = read.removeUnseen(removalsAtOnce); gone; gone = read.removeUnseen(removalsAtOnce)) {
        takeIn(gone)
        await setImmediate()
      }
    },
  }
}

/** Finds out by itself what stands in files, or takes from others what they found out. */
function beginInspecting(
  state: DirectoryState,
  cache: DigestCache<Inspection>,
  onStale: (file: CatalogueFile) => void,
): Pick<Running, 'inspector' | 'others'> {
  const { roots, algorithms, catalogue, disk, readAhead, logger } = state
  const onChange = ({ project }: CatalogueFile): void => changed(state, project)
  const path = digestCacheFile(roots[0] ?? '')
  const others = readAhead ? undefined : followOthers({ path, catalogue, algorithms, onChange })
  const shared = { roots, algorithms, catalogue, disk, cache, readAhead, others, logger }
  return { inspector: createInspector({ ...shared, onChange, onStale }), others }
}

/** Whoever knows less than others leaves what those wrote down as it is. */
async function compact({ catalogue, readAhead }: DirectoryState, cache: DigestCache<Inspection>): Promise<void> {
  if (readAhead) await cache.compact((key) => catalogue.atPath(key.slice(key.indexOf('/') + 1)) !== undefined)
}

/** Takes out the files of folders that are known from a snapshot and were not met, unless they may be where we cannot look. */
async function dropVanished(
  tracker: Tracker,
  catalogue: Catalogue,
  onRead: (root: number, directory: string) => FolderRead,
): Promise<void> {
  if (tracker.problem() !== undefined || tracker.doubt() !== undefined) return
  for (const { root, path } of catalogue.unreadFolders())
    if (!tracker.follows(root, path)) await onRead(root, path).onEnd()
}

/** As {@link addNames} of all projects; what could not be read is told of by the scan that follows. */
function readNames(state: DirectoryState, parts: () => Running): Promise<boolean> {
  return addNames(state, () => {
    if (state.catalogue.count() <= scannedFirst) return undefined
    // From now on this takes long enough for single projects to be looked for meanwhile.
    state.ahead.begin(parts())
    return state.ahead.asked()
  })
}

/** @throws when they may have more files than can be seen; the start tells why */
async function findProjects(state: DirectoryState, names: readonly NormalizedName[]): Promise<void> {
  if (await addNames(state, () => undefined, names)) return
  throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', 'a directory cannot be read')
}

/** Removes what processes left that ended in the middle of something. */
async function removeDead({ roots, logger }: DirectoryState): Promise<void> {
  try {
    for (const root of roots) {
      // Each: what is overwritten in another root on another file system is copied there first.
      await removeDeadSpoolFiles(spoolFolder(root))
      await removeDeadLocks(locksFolder(root))
    }
  } catch (error) {
    logger.warn({ reason: errorMessage(error) }, 'what dead uploads left cannot be removed')
  }
}

interface Sighting {
  readonly updates: readonly CatalogueUpdate[]
  readonly isArrival: boolean
}

function take(state: DirectoryState, inspector: Inspector, { updates, isArrival }: Sighting): void {
  for (const { project, id, isTouched } of updates) {
    if (id !== undefined && isTouched) inspector.recheck(id)
    else if (id !== undefined) inspector.notice(id, isArrival)
    changed(state, project)
  }
}

/** Forgets what was put together for a project and tells who listens. */
export function changed(state: DirectoryState, project: NormalizedName): void {
  state.projects.delete(project)
  state.atHand.marks.delete(project)
  state.serials.notice(project)
  for (const listener of state.listeners) {
    try {
      listener({ projects: new Set([project]) })
    } catch (error) {
      state.logger.error({ reason: errorMessage(error) }, 'a listener for changes failed')
    }
  }
}

/** @throws ERR_PYPI_STORE_UNAVAILABLE while it cannot be told what exists */
export function assertTold({ tracker }: Running): void {
  const problem = tracker.problem()
  if (problem !== undefined) throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', problem)
}

/**
 * Proves absence: names are known to be missing only while every root is there to be looked at, and is the directory that
 * was read.
 */
export async function assertRootsPresent({ roots, started }: DirectoryState): Promise<void> {
  for (const [index, root] of roots.entries()) {
    const found = await stat(root, { bigint: true }).catch((error: unknown) => {
      const message = `cannot read ${root}: ${errorCode(error)}`
      throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', message, { cause: error })
    })
    const known = started?.tracker.inode(index)
    if (!known || mayBeSameDirectory(known, directoryIdentity(found))) continue
    throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', `${root} is another directory by now and not read yet`)
  }
}

/** @throws ERR_PYPI_STORE_UNAVAILABLE while a project of which nothing is known may be there all the same */
export function assertNameUnused({ tracker }: Running): void {
  const doubt = tracker.doubt()
  if (doubt !== undefined) throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', doubt)
}

/** Ends the thread, the watchers and the timers, and writes what is to be remembered. */
export async function stop(state: DirectoryState): Promise<void> {
  if (state.isClosed) return
  state.isClosed = true
  const running = await state.running?.catch(() => undefined)
  clearInterval(state.sweepTimer)
  running?.tracker.close()
  running?.inspector.close()
  await running?.others?.close()
  running?.documents.close()
  state.files.close()
  await state.serials.close()
  await state.snapshots?.close()
  await running?.cache.flush()
  await state.disk.close()
}
