import { LRUCache } from 'lru-cache'
import pLimit from 'p-limit'
import type { DigestCache } from '../../digests/digest-cache.js'
import { errorCode, errorMessage, undefinedIf } from '../../errors.js'
import type { Logger } from '../../logger.js'
import { type Background, createBackground } from './background.js'
import { type Catalogue, type CatalogueFile, type Inspection, isBarred } from './catalogue.js'
import type { Disk } from './disk.js'
import type { Description, FileDigest, InspectedFile } from './disk-protocol.js'
import { createGathering, type Gathering, smallFileBytes } from './gathering.js'
import { absolutePath } from './layout.js'
import type { Others } from './others.js'

/** Finds out what stands in files: in the background for all, at once for those that somebody asks for. */
export interface Inspector {
  /** Takes note of the file of this id, which is new or has new bytes; `isArrival` when it came while we were watching. */
  readonly notice: (id: number, isArrival: boolean) => void
  /** Takes note of a file that was touched while it was shown: it is looked into again, and shown meanwhile. */
  readonly recheck: (id: number) => void
  /** Goes on with a file of this id that an earlier run did not get to. */
  readonly resume: (id: number) => void
  /** The file once its metadata is known, as far as it can be; `undefined` when it is another by now. */
  readonly described: (file: CatalogueFile) => Promise<CatalogueFile | undefined>
  /** The file once its digests are known, as far as they can be; `undefined` when it is another by now. */
  readonly digested: (file: CatalogueFile) => Promise<CatalogueFile | undefined>
  /** The core metadata and its digest; `undefined` when the file's bytes have none, or are others by now. */
  readonly metadata: (file: CatalogueFile) => Promise<Metadata | undefined>
  /** What {@link Inspector.metadata} would fulfil with, if it is in memory. */
  readonly metadataAtHand: (file: CatalogueFile) => Metadata | undefined
  /** Takes in what other processes found out, where they are followed. */
  readonly catchUp: () => Promise<void>
  /** Fulfils when it is known whether it is shown: of the file at this path, or of every file noticed so far. */
  readonly settled: (at?: Pick<CatalogueFile, 'root' | 'path'>) => Promise<void>
  readonly close: () => void
}

/** Core metadata as it stands in an archive. */
export interface Metadata {
  readonly bytes: Uint8Array
  readonly sha256: string
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
  readonly readAhead: boolean
  /** Other processes that read the same files, for one that does not read ahead. */
  readonly others: Others | undefined
  readonly logger: Logger
  /** Hears of every file about which more is known, or that is shown only now. */
  readonly onChange: (file: CatalogueFile) => void
  /** Hears of every file whose bytes are not those that the catalogue knows. */
  readonly onStale: (file: CatalogueFile) => void
}

/** Why a file cannot be read. */
interface Failure {
  readonly code: string | undefined
  readonly message: string
}

interface State extends InspectorOptions {
  /** By path and identity. */
  readonly describing: Map<string, Promise<void>>
  readonly digesting: Map<string, Promise<void>>
  readonly metadataBytes: LRUCache<string, Uint8Array>
  /** Files that cannot be shown before they were looked into go first; */
  readonly arrivals: ReturnType<typeof pLimit>
  /** all others are read when nobody waits for anything. */
  readonly background: Background
  /** Small files that somebody waits for are read whole, many at a time; */
  readonly gathering: Gathering
  /** larger ones few at a time, for every file that is open takes descriptors; */
  readonly descriptions: ReturnType<typeof pLimit>
  /** apart, so that no page waits for the whole of other files. */
  readonly digests: ReturnType<typeof pLimit>
  /** What is under way for files that are held back, by path. */
  readonly revealing: Map<string, Promise<unknown>>
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
    describing: new Map(),
    digesting: new Map(),
    metadataBytes: new LRUCache({ maxSize: metadataCacheBytes, sizeCalculation: (bytes) => bytes.length + 1 }),
    arrivals: pLimit(4),
    background: createBackground({
      ...options,
      read: (file) => digested(state, file),
      learn: (...all) => learn(state, ...all),
    }),
    gathering: createGathering(options),
    descriptions: pLimit(descriptionsAtOnce),
    digests: pLimit(digestsAtOnce),
    revealing: new Map(),
    timers: new Set(),
  }
  return {
    notice: (id, isArrival) => notice(state, id, isArrival),
    recheck: (id) => {
      const file = state.catalogue.byId(id)
      if (file !== undefined && !recall(state, file)) state.background.add(id)
    },
    resume: state.background.resume,
    described: async (file) =>
      file.inspection ? file : await state.background.whileAsked(() => described(state, file)),
    digested: async (file) =>
      file.inspection?.hashes ? file : await state.background.whileAsked(() => digested(state, file)),
    metadata: (file) => metadata(state, file),
    metadataAtHand: (file) => metadataAtHand(state, file),
    catchUp: async () => await state.others?.catchUp(),
    settled: async (at) => {
      await (at === undefined ? Promise.all(state.revealing.values()) : state.revealing.get(cacheKey(at)))
    },
    close: () => {
      state.arrivals.clearQueue()
      state.background.close()
      for (const timer of state.timers) clearTimeout(timer)
    },
  }
}

/** Whether it is remembered what stands in the file. */
function recall({ cache, catalogue, algorithms, others }: State, file: CatalogueFile): boolean {
  const key = cacheKey(file)
  const remembered = cache.get(key, file.state.identity) ?? others?.recall(key, file.state.identity)
  if (remembered?.hashes === undefined || !hasAll(remembered.hashes, algorithms)) return false
  catalogue.note(file, { inspection: remembered })
  return true
}

function notice(state: State, id: number, isArrival: boolean): void {
  const { background, cache, catalogue } = state
  const isOld = !isArrival && Date.now() - catalogue.timesOf(id).changedMs >= recentMs
  if (isOld && cache.isEmpty()) {
    // There may be a million of these: nothing but their numbers is made.
    background.add(id)
    return
  }
  const file = catalogue.byId(id)
  if (file === undefined || recall(state, file)) return
  if (isArrival || isDoubtful(file)) {
    state.catalogue.note(file, { isHeld: true })
    const key = cacheKey(file)
    const work = state.arrivals(() => reveal(state, file, isArrival))
    const revealing: Promise<unknown> = Promise.all([work, state.revealing.get(key)]).finally(() => {
      if (state.revealing.get(key) === revealing) state.revealing.delete(key)
    })
    state.revealing.set(key, revealing)
  }
  background.add(id)
}

/** Whether a file that was here before us may still be in the middle of being copied. */
function isDoubtful({ state: { size, changedMs }, format }: CatalogueFile): boolean {
  return size > 0 && format !== 'installer' && Date.now() - changedMs < recentMs
}

/** Shows a file that was held back, unless it is visibly cut off; then only its next change can bring it in. */
async function reveal(state: State, file: CatalogueFile, isArrival: boolean): Promise<void> {
  let found = await described(state, file)
  if (found?.inspection?.state === 'complete' && needsWholeRead(found))
    found = (await state.others?.wait(found)) ?? (await digested(state, found))
  if (found === undefined || found.inspection?.state === 'truncated') return
  if (found.inspection?.state === 'complete' || !isArrival) show(state, found)
  else showWhenQuiet(state, found)
}

function showWhenQuiet(state: State, file: CatalogueFile): void {
  const quiet = file.state.size === 0 ? emptyQuietMs : quietMs
  const waitMs = Math.min(Math.max(file.state.changedMs + quiet - Date.now(), 0), quiet)
  const timer = setTimeout(() => {
    state.timers.delete(timer)
    show(state, file)
  }, waitMs).unref()
  state.timers.add(timer)
}

function show(state: State, file: CatalogueFile): void {
  if (state.catalogue.note(file, { isHeld: false }) !== undefined) state.onChange(file)
}

async function described(state: State, file: CatalogueFile): Promise<CatalogueFile | undefined> {
  if (file.inspection !== undefined || isBarred(file.problem)) return file
  const current = state.catalogue.current(file)
  if (current === undefined || current.inspection !== undefined) return current
  await once(state.describing, current, () => (isSmall(current) ? inspect(state, current) : describe(state, current)))
  return state.catalogue.current(file)
}

/** Finds out at once all that there is to be known. */
async function inspect(state: State, file: CatalogueFile): Promise<void> {
  const found = await attempt(state, file, () => state.gathering.inspect(file))
  if (found !== undefined) learn(state, file, found)
}

async function describe(state: State, file: CatalogueFile): Promise<void> {
  const found = await attempt(state, file, () => askDescription(state, file))
  if (found === undefined || !isStill(state, file, found.identity)) return
  if (found.metadata !== undefined) state.metadataBytes.set(fileKey(file), found.metadata)
  // The background may have found out more meanwhile.
  if (state.catalogue.current(file)?.inspection !== undefined) return
  if (state.catalogue.note(file, { inspection: inspectionOf(file, found), problem: null }) === undefined) return
  if (found.problem !== undefined && found.state !== 'truncated') warn(state, file, found.problem)
  state.onChange(file)
}

function askDescription(state: State, file: CatalogueFile): Promise<Description> {
  const { filename, format: kind, project: name, version } = file
  const parsed = { filename, kind, name, version }
  return state.descriptions(() => state.disk.ask({ kind: 'describe', path: absolutePath(state, file), parsed }))
}

async function digested(state: State, file: CatalogueFile): Promise<CatalogueFile | undefined> {
  if (file.inspection?.hashes !== undefined || isBarred(file.problem)) return file
  const current = state.catalogue.current(file)
  if (current === undefined || current.inspection?.hashes !== undefined) return current
  await once(state.digesting, current, () => digest(state, current))
  return state.catalogue.current(file)
}

async function digest(state: State, file: CatalogueFile): Promise<void> {
  const { inspection } = (await described(state, file)) ?? {}
  if (inspection === undefined || inspection.hashes !== undefined) return
  await state.others?.catchUp()
  if (isDigested(state, file)) return
  const { algorithms } = state
  const path = absolutePath(state, file)
  const found = await attempt(state, file, () =>
    state.digests(() => state.disk.ask({ kind: 'digest', path, filename: file.filename, algorithms })),
  )
  if (found !== undefined) learnDigest(state, file, inspection, found)
}

/** Takes in what was found out about a file that was read whole. */
function learn(state: State, file: CatalogueFile, found: InspectedFile): void {
  if ('message' in found) {
    fail(state, file, found)
    return
  }
  const { description, digest: digested } = found
  if (!isStill(state, file, description.identity)) return
  // Somebody asked for it meanwhile.
  if (isDigested(state, file)) return
  if (description.problem !== undefined && description.state !== 'truncated') warn(state, file, description.problem)
  learnDigest(state, file, inspectionOf(file, description), digested)
}

function learnDigest(state: State, file: CatalogueFile, before: Inspection, found: FileDigest): void {
  if (!isStill(state, file, found.identity) || isDigested(state, file)) return
  // An empty file is as whole as it will be once nobody writes to it any more.
  const end = found.state === 'truncated' && file.state.size > 0 ? { state: found.state } : {}
  const inspection = { ...before, ...end, hashes: found.hashes }
  if (state.catalogue.note(file, { inspection, problem: null }) === undefined) return
  state.cache.set(cacheKey(file), file.state.identity, inspection)
  if (inspection.state === 'truncated') warn(state, file, 'the file has no end: not shown until it has')
  state.onChange(file)
}

function metadataAtHand(state: State, file: CatalogueFile): Metadata | undefined {
  const sha256 = file.inspection?.metadataSha256
  const bytes = sha256 === undefined ? undefined : state.metadataBytes.get(fileKey(file))
  return bytes && sha256 ? { bytes, sha256 } : undefined
}

async function metadata(state: State, file: CatalogueFile): Promise<Metadata | undefined> {
  const current = await described(state, file)
  const known = current && metadataAtHand(state, current)
  if (known !== undefined) return known
  const sha256 = current?.inspection?.metadataSha256
  if (sha256 === undefined) return undefined
  const found = await askDescription(state, file).catch(undefinedIf('ENOENT'))
  if (!isStill(state, file, found?.identity) || found?.metadata === undefined) return undefined
  state.metadataBytes.set(fileKey(file), found.metadata)
  return { bytes: found.metadata, sha256 }
}

function isDigested(state: State, file: CatalogueFile): boolean {
  return state.catalogue.current(file)?.inspection?.hashes !== undefined
}

/** Runs work on a file; a file that is gone or cannot be read is noted, everything else is thrown. */
async function attempt<T>(state: State, file: CatalogueFile, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    fail(state, file, { code: errorCode(error), message: errorMessage(error) })
    return undefined
  }
}

function fail(state: State, file: CatalogueFile, { code = 'EIO', message }: Failure): void {
  if (code === 'ERR_PYPI_CLOSED') return
  if (code === 'ENOENT') state.onStale(file)
  else if (state.catalogue.current(file)?.problem === undefined) warn(state, file, `cannot be read: ${message}`)
  state.catalogue.note(file, { problem: code })
}

function isStill(state: State, file: CatalogueFile, identity: string | undefined): boolean {
  if (identity === file.state.identity) return true
  state.onStale(file)
  return false
}

function inspectionOf(file: CatalogueFile, description: Omit<Description, 'metadata'>): Inspection {
  const { state, metadataSha256, requiresPython } = description
  return {
    state: file.state.size === 0 ? 'unknown' : state,
    ...(metadataSha256 !== undefined && { metadataSha256 }),
    ...(requiresPython !== undefined && { requiresPython }),
  }
}

function warn(state: State, file: CatalogueFile, reason: string): void {
  state.logger.warn({ file: file.path, reason }, 'a distribution file is not as it should be')
}

function once(running: Map<string, Promise<void>>, file: CatalogueFile, work: () => Promise<void>): Promise<void> {
  const key = fileKey(file)
  const known = running.get(key)
  if (known !== undefined) return known
  const begun = work().finally(() => running.delete(key))
  running.set(key, begun)
  return begun
}

/** Whether only reading a file to its end tells if it has one; zip archives have a directory there. */
function needsWholeRead({ filename }: CatalogueFile): boolean {
  return !/\.(?:whl|zip|egg)$/i.test(filename)
}

function isSmall({ state: { size } }: CatalogueFile): boolean {
  return size <= smallFileBytes
}

function hasAll(hashes: Readonly<Record<string, string>>, algorithms: readonly string[]): boolean {
  return algorithms.every((algorithm) => hashes[algorithm] !== undefined)
}

function cacheKey(file: Pick<CatalogueFile, 'root' | 'path'>): string {
  return `${file.root}/${file.path}`
}

/** Path and identity. */
function fileKey(file: CatalogueFile): string {
  return `${cacheKey(file)} ${file.state.identity}`
}
