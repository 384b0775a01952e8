import { reportError } from './command-error.js'
import { createLogger } from './log.js'
import { openLogOutput } from './log-output.js'
import { serve } from './serve.js'
import type { Ending } from './shutdown.js'
import type { Order, Report } from './worker-messages.js'

/** What a worker is told to do, and has not done yet. */
interface State {
  readonly gathering: Map<number, (text: string) => void>
  lastId: number
  ending: Ending | undefined
  isStarted: boolean
  isToStop: boolean
  reopen: () => void
  count: () => string
}

/** Serves as the process that started this one says; when that one dies, node:cluster ends this one. */
function work(): void {
  const state: State = {
    gathering: new Map(),
    lastId: 0,
    ending: undefined,
    isStarted: false,
    isToStop: false,
    reopen: () => {},
    count: () => '',
  }
  process.on('message', (order: Order) => obey(state, order))
  // Terminals and service managers send these to all processes at once: the one that supervises tells what to do.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {})
  process.stderr.on('error', () => {})
  tell({ kind: 'ready' })
}

function obey(state: State, order: Order): void {
  switch (order.kind) {
    case 'start':
      start(state, order).catch((error: unknown) => process.exit(reportError(error)))
      break
    case 'stop':
      stop(state)
      break
    case 'reopen':
      state.reopen()
      break
    case 'count':
      tell({ kind: 'counted', id: order.id, text: state.count() })
      break
    case 'gathered':
      state.gathering.get(order.id)?.(order.text)
      state.gathering.delete(order.id)
  }
}

async function start(state: State, { plan, seat }: Extract<Order, { kind: 'start' }>): Promise<void> {
  state.isStarted = true
  const { options } = plan
  const output = openLogOutput(options)
  state.reopen = output.reopen
  if (options.log_file !== '') process.on('SIGHUP', output.reopen)
  await serve(
    plan,
    { output, logger: createLogger(options, output) },
    {
      seat,
      obey: (ending, count) => {
        Object.assign(state, { ending, count })
        if (state.isToStop) stop(state)
      },
      gatherMetrics: (own) => gather(state, own),
    },
  )
}

function stop(state: State): void {
  state.isToStop = true
  if (!state.isStarted) process.exit(0)
  // It stays to turn away who was sent here: only when the last process ends, nobody waits for an answer any more.
  state.ending?.stop(() => tell({ kind: 'stopped' }))
}

function gather(state: State, own: string): Promise<string> {
  state.lastId += 1
  const id = state.lastId
  tell({ kind: 'gather', id, own })
  return new Promise((fulfil) => state.gathering.set(id, fulfil))
}

function tell(report: Report): void {
  // Without anybody to tell, this process is about to end.
  process.send?.(report, undefined, undefined, () => {})
}

work()
