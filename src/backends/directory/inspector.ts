import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import pLimit from 'p-limit'
import type { DigestCache } from '../../digests/digest-cache.js'
import { errorCode, errorMessage, undefinedIf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { Catalogue, CatalogueFile, Inspection } from './catalogue.js'
import type { Disk } from './disk.js'
import type { Description } from './disk-protocol.js'

/** Finds out what stands in files: in the background for all, at once for those that somebody asks for. */
export interface Inspector {
  /** Takes note of a file that is new or has new bytes; `isArrival` when it came while we were watching. */
  readonly notice: (file: CatalogueFile, isArrival: boolean) => void
  /** Fulfils when the file's metadata is known, as far as it can be. */
  readonly described: (file: CatalogueFile) => Promise<void>
  /** Fulfils when the file's digests are known, as far as they can be. */
  readonly digested: (file: CatalogueFile) => Promise<void>
  /** The core metadata; `undefined` when the file's bytes have none, or are others by now. */
  readonly metadata: (file: CatalogueFile) => Promise<Uint8Array | undefined>
  /** Fulfils when it is known of every file noticed so far whether it is shown. */
  readonly settled: () => Promise<void>
  readonly close: () => void
}

/** What an inspector works on and whom it tells. */
export interface InspectorOptions {
  /** Absolute paths. */
  readonly roots: readonly string[]
  /** Digest names, `sha256` first. */
  readonly algorithms: readonly string[]
  readonly catalogue: Catalogue
  readonly disk: Disk
  readonly cache: DigestCache<Inspection>
  readonly logger: Logger
  /** Hears of every file about which more is known, or that is shown only now. */
  readonly onChange: (file: CatalogueFile) => void
  /** Hears of every file whose bytes are not those that the catalogue knows. */
  readonly onStale: (file: CatalogueFile) => void
}

interface State extends InspectorOptions {
  readonly describing: WeakMap<CatalogueFile, Promise<void>>
  readonly digesting: WeakMap<CatalogueFile, Promise<void>>
  readonly metadataBytes: LRUCache<string, Uint8Array>
  /** Files that cannot be shown before they were looked into go first; */
  readonly arrivals: ReturnType<typeof pLimit>
  /** all others are read one after the other. */
  readonly background: ReturnType<typeof pLimit>
  /** However many ask at once, for every file that is open takes descriptors; */
  readonly descriptions: ReturnType<typeof pLimit>
  /** apart, so that no page waits for the whole of other files. */
  readonly digests: ReturnType<typeof pLimit>
  readonly revealing: Set<Promise<void>>
  readonly timers: Set<NodeJS.Timeout>
}

const metadataCacheBytes = 16 * 1024 * 1024
const descriptionsAtOnce = 8
const digestsAtOnce = 16
const recentMs = 60_000
// Formats whose end we know are shown when they have one; others once nothing more was written for a while.
const quietMs = 500
const emptyQuietMs = 2000

/** An inspector that has not looked at anything yet. */
export function createInspector(options: InspectorOptions): Inspector {
  const state: State = {
    ...options,
    describing: new WeakMap(),
    digesting: new WeakMap(),
    metadataBytes: new LRUCache({ maxSize: metadataCacheBytes, sizeCalculation: (bytes) => bytes.length + 1 }),
    arrivals: pLimit(4),
    background: pLimit(1),
    descriptions: pLimit(descriptionsAtOnce),
    digests: pLimit(digestsAtOnce),
    revealing: new Set(),
    timers: new Set(),
  }
  return {
    notice: (file, isArrival) => notice(state, file, isArrival),
    described: (file) => described(state, file),
    digested: (file) => digested(state, file),
    metadata: (file) => metadata(state, file),
    settled: async () => void (await Promise.all(state.revealing)),
    close: () => {
      state.arrivals.clearQueue()
      state.background.clearQueue()
      for (const timer of state.timers) clearTimeout(timer)
    },
  }
}

function notice(state: State, file: CatalogueFile, isArrival: boolean): void {
  const remembered = state.cache.get(cacheKey(file), file.state.identity)
  if (remembered?.hashes !== undefined && hasAll(remembered.hashes, state.algorithms)) {
    file.inspection = remembered
    return
  }
  file.isHeld = isArrival || isDoubtful(file)
  if (file.isHeld) {
    const revealing = state
      .arrivals(() => reveal(state, file, isArrival))
      .finally(() => state.revealing.delete(revealing))
    state.revealing.add(revealing)
  }
  void state.background(() => (state.catalogue.isCurrent(file) ? digested(state, file) : undefined))
}

/** Whether a file that was here before us may still be in the middle of being copied. */
function isDoubtful({ state: { size, changedMs }, format }: CatalogueFile): boolean {
  return size > 0 && format !== 'installer' && Date.now() - changedMs < recentMs
}

/** Shows a file that was held back, unless it is visibly cut off; then only its next change can bring it in. */
async function reveal(state: State, file: CatalogueFile, isArrival: boolean): Promise<void> {
  if (!state.catalogue.isCurrent(file)) return
  await described(state, file)
  if (file.inspection?.state === 'complete' && needsWholeRead(file)) await digested(state, file)
  if (!state.catalogue.isCurrent(file) || file.inspection?.state === 'truncated') return
  if (file.inspection?.state === 'complete' || !isArrival) show(state, file)
  else showWhenQuiet(state, file)
}

function showWhenQuiet(state: State, file: CatalogueFile): void {
  const quiet = file.state.size === 0 ? emptyQuietMs : quietMs
  const waitMs = Math.min(Math.max(file.state.changedMs + quiet - Date.now(), 0), quiet)
  const timer = setTimeout(() => {
    state.timers.delete(timer)
    if (state.catalogue.isCurrent(file)) show(state, file)
  }, waitMs).unref()
  state.timers.add(timer)
}

function show(state: State, file: CatalogueFile): void {
  file.isHeld = false
  state.onChange(file)
}

function described(state: State, file: CatalogueFile): Promise<void> {
  if (file.inspection !== undefined || isBarred(file)) return Promise.resolve()
  return once(state.describing, file, () => describe(state, file))
}

async function describe(state: State, file: CatalogueFile): Promise<void> {
  const found = await attempt(state, file, () => askDescription(state, file))
  if (found === undefined || !isStill(state, file, found.identity)) return
  if (found.metadata !== undefined) state.metadataBytes.set(cacheKey(file) + file.state.identity, found.metadata)
  file.inspection = inspectionOf(file, found)
  state.onChange(file)
}

function askDescription(state: State, file: CatalogueFile): Promise<Description> {
  const { filename, format: kind, project: name, version } = file
  const parsed = { filename, kind, name, version }
  return state.descriptions(() => state.disk.ask({ kind: 'describe', path: absolutePath(state, file), parsed }))
}

function digested(state: State, file: CatalogueFile): Promise<void> {
  if (file.inspection?.hashes !== undefined || isBarred(file)) return Promise.resolve()
  return once(state.digesting, file, () => digest(state, file))
}

async function digest(state: State, file: CatalogueFile): Promise<void> {
  await described(state, file)
  if (file.inspection === undefined) return
  const { algorithms } = state
  const found = await attempt(state, file, () =>
    state.digests(() =>
      state.disk.ask({ kind: 'digest', path: absolutePath(state, file), filename: file.filename, algorithms }),
    ),
  )
  if (found === undefined || !isStill(state, file, found.identity)) return
  // An empty file is as whole as it will be once nobody writes to it any more.
  const end = found.state === 'truncated' && file.state.size > 0 ? { state: found.state } : {}
  file.inspection = { ...file.inspection, ...end, hashes: found.hashes }
  state.cache.set(cacheKey(file), file.state.identity, file.inspection)
  if (file.inspection.state === 'truncated') warn(state, file, 'the file has no end: not shown until it has')
  else if (file.inspection.problem !== undefined) warn(state, file, file.inspection.problem)
  state.onChange(file)
}

async function metadata(state: State, file: CatalogueFile): Promise<Uint8Array | undefined> {
  if (file.inspection?.metadataSha256 === undefined) return undefined
  const known = state.metadataBytes.get(cacheKey(file) + file.state.identity)
  if (known !== undefined) return known
  const found = await askDescription(state, file).catch(undefinedIf('ENOENT'))
  if (!isStill(state, file, found?.identity) || found?.metadata === undefined) return undefined
  state.metadataBytes.set(cacheKey(file) + file.state.identity, found.metadata)
  return found.metadata
}

/** Runs work on a file; a file that is gone or cannot be read is noted, everything else is thrown. */
async function attempt<T>(state: State, file: CatalogueFile, work: () => Promise<T>): Promise<T | undefined> {
  try {
    const result = await work()
    delete file.problem
    return result
  } catch (error) {
    const code = errorCode(error) ?? 'EIO'
    if (code === 'ERR_PYPI_CLOSED') return undefined
    if (code === 'ENOENT') state.onStale(file)
    else if (file.problem === undefined) warn(state, file, `cannot be read: ${errorMessage(error)}`)
    file.problem = code
    return undefined
  }
}

function isStill(state: State, file: CatalogueFile, identity: string | undefined): boolean {
  if (identity === file.state.identity) return true
  state.onStale(file)
  return false
}

function inspectionOf(file: CatalogueFile, description: Description): Inspection {
  const { state, problem, metadataSha256, requiresPython } = description
  return {
    state: file.state.size === 0 ? 'unknown' : state,
    ...(problem !== undefined && { problem }),
    ...(metadataSha256 !== undefined && { metadataSha256 }),
    ...(requiresPython !== undefined && { requiresPython }),
  }
}

function warn(state: State, file: CatalogueFile, reason: string): void {
  state.logger.warn({ file: file.path, reason }, 'a distribution file is not as it should be')
}

function once(
  map: WeakMap<CatalogueFile, Promise<void>>,
  file: CatalogueFile,
  work: () => Promise<void>,
): Promise<void> {
  const running = map.get(file) ?? work().finally(() => map.delete(file))
  map.set(file, running)
  return running
}

/** Whether only another identity (another mode, another owner) can make the file readable. */
export function isBarred({ problem }: CatalogueFile): boolean {
  return problem === 'EACCES' || problem === 'EPERM'
}

/** Whether only reading a file to its end tells if it has one; zip archives have a directory there. */
function needsWholeRead({ filename }: CatalogueFile): boolean {
  return !/\.(?:whl|zip|egg)$/i.test(filename)
}

function hasAll(hashes: Readonly<Record<string, string>>, algorithms: readonly string[]): boolean {
  return algorithms.every((algorithm) => hashes[algorithm] !== undefined)
}

function absolutePath(state: State, file: CatalogueFile): string {
  return join(state.roots[file.root] ?? '', file.path)
}

function cacheKey(file: CatalogueFile): string {
  return `${file.root}/${file.path}`
}
