import { setImmediate } from 'node:timers/promises'
import type { NormalizedName, ProjectChange } from '../../backend.js'
import { errorMessage } from '../../errors.js'
import type { Logger } from '../../logger.js'
import { within } from '../../util/within.js'
import { type JournalEntry, openJournal } from './journal.js'
import { journalFile } from './layout.js'
import { ensureState } from './state-folder.js'

/** What a project shows, as far as mirrors care. */
export interface Shown {
  /** Equal fingerprints mean equal files and status. */
  readonly fingerprint: string
  readonly fileCount: number
  /** Somebody gave it a status. */
  readonly isMarked: boolean
}

/**
 * Gives each state of each project a serial, once: in the background soon after a change, at once for who asks for the
 * page. A serial is that of a state, and not of an event, so that changes made by hand, by other processes and while nobody
 * looked are counted like all others, and nothing is lost by a crash between a change and its serial.
 */
export interface Serials {
  /** Reads the journal, and once everything was scanned looks at every project, in the background. */
  readonly start: (isScanned: Promise<unknown>, names: () => Iterable<NormalizedName>) => void
  /** The serial of what a project shows; `undefined` while it cannot be kept. */
  readonly assign: (project: NormalizedName, shown: Shown) => Promise<number | undefined>
  /** The last serial that a project was given; 0 before the first. */
  readonly of: (project: NormalizedName) => number
  /** The last serial of all, 0 before the first; `undefined` while none can be kept. */
  readonly last: () => number | undefined
  /** How many serials this process has seen given: another number whenever {@link Serials.of} tells another serial. */
  readonly given: () => number
  /** The last change of each project that changed after this serial, by rising serial. */
  readonly since: (serial: number, limit: number) => readonly ProjectChange[]
  /** Takes note that a project may show something else by now. */
  readonly notice: (project: NormalizedName) => void
  /** Ends timers; fulfils when nothing is written any more. */
  readonly close: () => Promise<void>
}

/** Where serials are kept, and how the backend is asked. */
export interface SerialsOptions {
  /** Absolute path; the journal is in its state folder. */
  readonly root: string
  readonly logger: Logger
  /** What a project shows now; `undefined` while that is not certain, and somebody will tell when it is. */
  readonly look: (project: NormalizedName) => Promise<Shown | undefined>
  /** Hears of projects whose serial is another one than was told: another process gave it, or it came late. */
  readonly onForeign: (project: NormalizedName) => void
}

interface Known extends JournalEntry {
  /** What this process showed before another one gave this serial for another state. */
  readonly own?: string
  /** This process has shown `own` under this serial, so that no other state may get it here. */
  isShown?: boolean
}

interface State extends SerialsOptions {
  readonly journal: ReturnType<typeof openJournal>
  /** In the order of serials, because each change puts its project at the end. */
  readonly known: Map<NormalizedName, Known>
  readonly noticed: Set<NormalizedName>
  pending: Map<NormalizedName, Shown>
  batch: Promise<void> | undefined
  /** The work on the journal, one after the other. */
  tail: Promise<void>
  last: number
  given: number
  failedMs: number
  isLoaded: boolean
  isClosed: boolean
  lookTimer: NodeJS.Timeout | undefined
  pollTimer: NodeJS.Timeout | undefined
}

const noticeMs = 50
const pollMs = 1000
const retryMs = 10_000
const projectsPerTurn = 100
const projectsPerNotice = 1000
// No page waits longer for a journal that another process holds.
const waitMs = 1000

/** Serials that touch nothing before `start`. */
export function createSerials(options: SerialsOptions): Serials {
  const state: State = {
    ...options,
    journal: openJournal(journalFile(options.root), () => ensureState(options.root)),
    known: new Map(),
    noticed: new Set(),
    pending: new Map(),
    batch: undefined,
    tail: Promise.resolve(),
    last: 0,
    given: 0,
    failedMs: 0,
    isLoaded: false,
    isClosed: false,
    lookTimer: undefined,
    pollTimer: undefined,
  }
  return {
    start: (scanned, names) => start(state, scanned, names),
    assign: (project, shown) => assign(state, project, shown),
    of: (project) => state.known.get(project)?.serial ?? 0,
    last: () => (state.failedMs > 0 && state.known.size === 0 ? undefined : state.last),
    given: () => state.given,
    since: (serial, limit) => since(state, serial, limit),
    notice: (project) => notice(state, project),
    close: async () => {
      state.isClosed = true
      clearTimeout(state.lookTimer)
      clearInterval(state.pollTimer)
      await state.tail
    },
  }
}

function start(state: State, scanned: Promise<unknown>, names: () => Iterable<NormalizedName>): void {
  const read = async (): Promise<void> => {
    await state.journal.refresh((entry) => learn(state, entry))
    if (state.isLoaded) return
    state.isLoaded = true
    // When it fails the backend does not start.
    void scanned.then(
      () => noticeAll(state, names()),
      () => {},
    )
  }
  void enqueue(state, read)
  state.pollTimer = setInterval(() => void enqueue(state, read), pollMs).unref()
}

/** Work on the journal whose failure costs serials, and nothing else. */
function enqueue(state: State, work: () => Promise<void>): Promise<void> {
  state.tail = state.tail.then(async () => {
    if (!state.isClosed) await work().catch((error: unknown) => failed(state, error))
  })
  return state.tail
}

function failed(state: State, error: unknown): void {
  const isNew = state.failedMs === 0
  state.failedMs = performance.now()
  if (!isNew) return
  state.logger.warn(
    { root: state.root, reason: errorMessage(error) },
    'changes cannot be counted: pages tell no serials',
  )
}

async function noticeAll(state: State, names: Iterable<NormalizedName>): Promise<void> {
  await forEachInTurn(names, (name) => state.noticed.add(name))
  // Projects of which nothing is left, perhaps.
  await forEachInTurn(state.known.values(), ({ project, fileCount }) => fileCount > 0 && state.noticed.add(project))
  scheduleLook(state)
}

async function forEachInTurn<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
  let count = 0
  for (const item of items) {
    work(item)
    count += 1
    if (count % projectsPerNotice === 0) await setImmediate()
  }
}

function notice(state: State, project: NormalizedName): void {
  if (!state.isLoaded || state.isClosed) return
  state.noticed.add(project)
  scheduleLook(state)
}

function scheduleLook(state: State): void {
  if (state.isClosed || state.noticed.size === 0) return
  state.lookTimer ??= setTimeout(() => {
    void lookAll(state).finally(() => {
      state.lookTimer = undefined
      scheduleLook(state)
    })
  }, noticeMs).unref()
}

async function lookAll(state: State): Promise<void> {
  const names = [...state.noticed]
  for (let begin = 0; begin < names.length && !state.isClosed; begin += projectsPerTurn) {
    const some = names.slice(begin, begin + projectsPerTurn)
    for (const name of some) state.noticed.delete(name)
    for (const name of some) {
      // Whoever cannot be looked at now is told of again, or looked at when the next process starts.
      const shown = await state.look(name).catch(() => undefined)
      if (shown !== undefined && settled(state, name, shown) === undefined) state.pending.set(name, shown)
    }
    if (state.pending.size > 0) await writePending(state)
    await setImmediate()
  }
}

/** The serial that this state has already. */
function settled(state: State, project: NormalizedName, shown: Shown): number | undefined {
  const known = state.known.get(project)
  const { fingerprint, fileCount, isMarked } = shown
  if (known === undefined) return fileCount === 0 && !isMarked ? 0 : undefined
  if (known.fingerprint === fingerprint && !known.isShown) return known.serial
  if (known.own !== fingerprint) return undefined
  // Another process sees another state, and ours did not change: to count it again would go on for ever.
  known.isShown = true
  return known.serial
}

async function assign(state: State, project: NormalizedName, shown: Shown): Promise<number | undefined> {
  if (!state.isLoaded) await state.tail
  const serial = settled(state, project, shown)
  if (serial !== undefined) return serial === 0 ? undefined : serial
  if (state.failedMs > 0 && performance.now() - state.failedMs < retryMs) return undefined
  state.pending.set(project, shown)
  let isLate = false
  const writing = writePending(state).then(() => {
    // What was read before this wait may be outdated, and its serial the last one nevertheless.
    notice(state, project)
    if (isLate) state.onForeign(project)
  })
  await within(writing, waitMs)
  isLate = true
  return settled(state, project, shown)
}

/** Everything that waits, in one go: those that come meanwhile are the next. */
function writePending(state: State): Promise<void> {
  state.batch ??= enqueue(state, async () => {
    state.batch = undefined
    const pending = state.pending
    state.pending = new Map()
    await write(state, pending)
    state.failedMs = 0
  })
  return state.batch
}

async function write(state: State, pending: ReadonlyMap<NormalizedName, Shown>): Promise<void> {
  let entries: readonly JournalEntry[] = []
  const compose = (): readonly JournalEntry[] => {
    // Another process may have counted the same changes since.
    const open = [...pending].filter(([name, shown]) => settled(state, name, shown) === undefined)
    const first = state.last === 0 ? firstSerial() : state.last
    entries = open.map(([name, shown], index) => entryOf(name, shown, state.known.get(name), first + index + 1))
    return entries
  }
  await state.journal.append(
    (entry) => learn(state, entry),
    compose,
    () => state.known,
  )
  for (const entry of entries) put(state, entry)
}

/**
 * Above all serials of a journal that was lost, as long as there were fewer changes than seconds: serials that go back
 * make mirrors stop.
 */
function firstSerial(): number {
  return Math.floor(Date.now() / 1000)
}

/** Takes in what stands in the journal; entries of our own are known already. */
function learn(state: State, entry: JournalEntry): void {
  const known = state.known.get(entry.project)
  if (known !== undefined && known.serial >= entry.serial) return
  const own = known && (known.own ?? known.fingerprint)
  put(state, own === undefined || own === entry.fingerprint ? entry : { ...entry, own })
  if (state.isLoaded) state.onForeign(entry.project)
}

function put(state: State, entry: Known): void {
  state.known.delete(entry.project)
  state.known.set(entry.project, entry)
  state.given += 1
  state.last = Math.max(state.last, entry.serial)
}

function entryOf(project: NormalizedName, shown: Shown, known: Known | undefined, serial: number): JournalEntry {
  const { fingerprint, fileCount } = shown
  const time = Math.floor(Date.now() / 1000)
  const action = actionOf(known?.fileCount ?? 0, fileCount)
  return { serial, project, fingerprint, time, fileCount, action }
}

function actionOf(before: number, after: number): string {
  if (after === 0) return 'remove project'
  if (before === 0) return 'create'
  if (after === before) return 'update'
  return after > before ? 'add file' : 'remove file'
}

function since(state: State, serial: number, limit: number): readonly ProjectChange[] {
  const changes: ProjectChange[] = []
  if (serial >= state.last) return changes
  for (const { project, serial: own, time, action } of state.known.values()) {
    if (own <= serial) continue
    if (changes.length >= limit) break
    changes.push({ project, serial: own, timeMs: time * 1000, action })
  }
  return changes
}
