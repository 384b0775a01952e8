import { parentPort } from 'node:worker_threads'
import { errorCode, errorMessage } from '../../errors.js'
import type { DirectoryBatch, DiskRequest } from './disk-protocol.js'
import type { Snapshot } from './snapshot.js'
import type { ThreadAnswer, ThreadQuestion } from './thread.js'

/** Sends one batch; fulfils when the next one may follow, after whatever else was asked meanwhile. */
export type SendBatch = (batch: DirectoryBatch) => Promise<void>

// Enough that neither thread waits for the other, few enough that taking them in never holds up the event loop.
const batchesAhead = 2

/** Answers what this thread is asked; to be called once, by the thread's entry. */
export function answerWith(answer: (request: DiskRequest, send: SendBatch) => Promise<unknown>): void {
  const scans = new Map<number, Flow>()
  parentPort?.on('message', (question: ThreadQuestion) => {
    if ('taken' in question) return scans.get(question.taken)?.taken()
    const { id, request } = question
    const flow = createFlow(id)
    scans.set(id, flow)
    answer(request, flow.send)
      .then(
        (value) => post({ id, value }, transferable(value)),
        (error: unknown) => post({ id, error: { code: errorCode(error), message: errorMessage(error) } }),
      )
      .finally(() => scans.delete(id))
  })
}

interface Flow {
  readonly send: SendBatch
  readonly taken: () => void
}

function createFlow(id: number): Flow {
  let ahead = 0
  let goOn: (() => void) | undefined
  return {
    send: async (batch) => {
      post({ id, batch }, [batch.entries.buffer])
      ahead += 1
      await new Promise<void>((resolve) => {
        if (ahead < batchesAhead) setImmediate(resolve)
        else goOn = resolve
      })
    },
    taken: () => {
      ahead -= 1
      goOn?.()
      goOn = undefined
    },
  }
}

/** What is large changes hands instead of being copied. */
function transferable(value: unknown): readonly ArrayBuffer[] {
  const chunks = (value as Partial<Snapshot> | undefined)?.chunks
  return chunks instanceof Uint32Array ? [chunks.buffer as ArrayBuffer] : []
}

function post(answer: ThreadAnswer, transferred: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(answer, transferred)
}
