import cluster, { type Worker } from 'node:cluster'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { errorMessage } from '../errors.js'
import type { Log, RunPlan } from './serve.js'
import { endOnFatalError, endOnSignals } from './shutdown.js'
import type { Order, Report } from './worker-messages.js'
import { createWorkerMetrics, type WorkerMetrics } from './worker-metrics.js'

/** The place of a worker, which others take after it. */
interface Slot {
  /** From 1 on. */
  readonly number: number
  worker: Worker | undefined
  /** Whether the worker hears what it is told. */
  isReady: boolean
  /** Whether the worker has done what it was stopped for. */
  isStopped: boolean
  /** Milliseconds before the next one starts when this one dies. */
  delayMs: number
  startedMs: number
}

interface State {
  readonly plan: RunPlan
  readonly log: Log
  readonly slots: readonly Slot[]
  readonly metrics: WorkerMetrics
  /** The port that the first one got. */
  port: number | undefined
  /** Where the next ones listen: node:cluster finds the port that others share by what they asked for. */
  askedPort: number
  exitCode: number | undefined
}

const firstDelayMs = 1000
const mostDelayMs = 30_000
/** Whoever lived for so long did not die of its start. */
const longMs = 60_000
/** What a worker that was told to stop may take beyond its grace. */
const closingMs = 15_000
/** Timers of Node that are longer end at once. */
const longestTimerMs = 2 ** 31 - 1

/**
 * Starts processes that serve on one port, replaces those that die, and hands on what this process is told: to stop, and to
 * open the log anew. Fulfils once the first one listens; when that one dies before, this process ends with its exit code.
 */
export async function superviseWorkers(plan: RunPlan, log: Log): Promise<void> {
  cluster.setupPrimary({
    exec: fileURLToPath(new URL('./worker-process.js', import.meta.url)),
    args: [],
    serialization: 'advanced',
  })
  const { options } = plan
  const slots = Array.from({ length: options.workers }, (_, index) => newSlot(index + 1))
  const state: State = {
    plan,
    log,
    slots,
    metrics: createWorkerMetrics({
      workers: () => living(slots.filter(({ isReady }) => isReady)).map(({ id }) => id),
      ask: (worker, id) => tell(cluster.workers?.[worker], { kind: 'count', id }),
    }),
    port: undefined,
    askedPort: options.port,
    exitCode: undefined,
  }
  endOnSignals({ stop: () => stop(state, 0), isStopping: () => state.exitCode !== undefined }, () => killAll(state))
  endOnFatalError(log.logger, () => stop(state, 70))
  if (options.log_file !== '') process.on('SIGHUP', () => reopenLogs(state))
  const [first, ...others] = slots
  await new Promise<void>((fulfil) => {
    if (first !== undefined) startWorker(state, first).once('listening', () => fulfil())
  })
  if (state.exitCode === undefined) for (const slot of others) startWorker(state, slot)
}

function newSlot(number: number): Slot {
  return { number, worker: undefined, isReady: false, isStopped: false, delayMs: firstDelayMs, startedMs: 0 }
}

function startWorker(state: State, slot: Slot): Worker {
  const { slots, port } = state
  // When the last one has gone, the system would give them another port.
  if (port !== undefined && living(slots).length === 0) state.askedPort = port
  const worker = cluster.fork()
  slot.worker = worker
  slot.isReady = false
  slot.startedMs = performance.now()
  worker.once('listening', (address) => {
    state.port ??= address.port
  })
  worker.once('exit', (code, signal) => ended(state, slot, { worker, code, signal }))
  worker.on('error', (error) => {
    state.log.logger.error({ worker: slot.number, reason: errorMessage(error) }, 'a worker cannot be reached')
    // It never came to be, and so it cannot end.
    if (worker.process.pid === undefined) ended(state, slot, { worker, code: 1, signal: '' })
  })
  worker.on('message', (report: Report) => void hear(state, slot, worker, report))
  return worker
}

interface Death {
  readonly worker: Worker
  readonly code: number | null
  readonly signal: string
}

function ended(state: State, slot: Slot, { worker, code, signal }: Death): void {
  slot.worker = undefined
  state.metrics.retire(worker.id)
  if (state.exitCode !== undefined) {
    endWithLast(state)
    return
  }
  // It has told why.
  if (state.port === undefined) process.exit(code ?? signalExitCode(signal))
  if (performance.now() - slot.startedMs > longMs) slot.delayMs = firstDelayMs
  const { logger } = state.log
  const { number, delayMs } = slot
  logger.error({ worker: number, pid: worker.process.pid, code, signal, delayMs }, 'a worker ended and is replaced')
  slot.delayMs = Math.min(delayMs * 2, mostDelayMs)
  setTimeout(() => {
    if (state.exitCode === undefined) startWorker(state, slot)
  }, delayMs)
}

/** As shells have it. */
function signalExitCode(signal: string): number {
  return 128 + (constants.signals[signal as NodeJS.Signals] ?? 0)
}

async function hear(state: State, slot: Slot, worker: Worker, report: Report): Promise<void> {
  switch (report.kind) {
    case 'ready':
      slot.isReady = true
      tell(worker, state.exitCode === undefined ? startOrder(state, slot) : { kind: 'stop' })
      break
    case 'stopped':
      slot.isStopped = true
      endWithLast(state)
      break
    case 'counted':
      state.metrics.take(worker.id, report.id, report.text)
      break
    case 'gather': {
      const text = await state.metrics.gather(worker.id, report.own)
      tell(worker, { kind: 'gathered', id: report.id, text })
    }
  }
}

function startOrder({ plan, slots, port, askedPort }: State, { number }: Slot): Order {
  return {
    kind: 'start',
    plan: { ...plan, options: { ...plan.options, port: askedPort } },
    seat: { number, count: slots.length, isTelling: port === undefined },
  }
}

function stop(state: State, exitCode: number): void {
  if (state.exitCode !== undefined) return
  state.exitCode = exitCode
  for (const worker of living(state.slots)) tell(worker, { kind: 'stop' })
  setTimeout(() => killAll(state), Math.min(state.plan.options.grace * 1000 + closingMs, longestTimerMs))
  endWithLast(state)
}

/** Its workers end with this process. */
function endWithLast({ slots, exitCode }: State): void {
  if (living(slots.filter(({ isStopped }) => !isStopped)).length === 0) process.exit(exitCode)
}

function killAll({ slots }: State): void {
  for (const worker of living(slots)) worker.process.kill('SIGKILL')
}

function reopenLogs({ log, slots }: State): void {
  log.output.reopen()
  for (const worker of living(slots)) tell(worker, { kind: 'reopen' })
}

function living(slots: readonly Slot[]): readonly Worker[] {
  return slots.flatMap(({ worker }) => worker ?? [])
}

/** Whoever cannot be told any more is about to end. */
function tell(worker: Worker | undefined, order: Order): void {
  if (worker?.isConnected()) worker.send(order, () => {})
}
