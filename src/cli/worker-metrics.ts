import { within } from '../util/within.js'
import { sumMetrics } from './metrics-sum.js'

/** What all workers counted, those that have ended included, as far as they told. */
export interface WorkerMetrics {
  /** Asks all others when one of them was asked; who is slow to answer counts as when it last told. */
  readonly gather: (asked: number, own: string) => Promise<string>
  /** Takes the answer of a worker to a question. */
  readonly take: (worker: number, question: number, text: string) => void
  /** Keeps what a worker told that has ended: counters must not go back. */
  readonly retire: (worker: number) => void
}

/** How the workers that live are asked. */
export interface WorkerMetricsOptions {
  readonly workers: () => readonly number[]
  readonly ask: (worker: number, question: number) => void
}

interface Question {
  readonly worker: number
  readonly answered: () => void
}

const waitMs = 1000

/** Nobody was asked yet. Workers go by numbers that none after them has. */
export function createWorkerMetrics({ workers, ask }: WorkerMetricsOptions): WorkerMetrics {
  const told = new Map<number, string>()
  const questions = new Map<number, Question>()
  let retired = ''
  let lastQuestion = 0

  function answerOf(worker: number): Promise<void> {
    lastQuestion += 1
    const question = lastQuestion
    return new Promise((answered) => {
      questions.set(question, { worker, answered })
      ask(worker, question)
    })
  }

  function settle(isMeant: (question: Question, id: number) => boolean): void {
    for (const [id, question] of questions) {
      if (!isMeant(question, id)) continue
      questions.delete(id)
      question.answered()
    }
  }

  return {
    gather: async (asked, own) => {
      told.set(asked, own)
      const others = workers().filter((worker) => worker !== asked)
      await within(Promise.all(others.map(answerOf)), waitMs)
      return sumMetrics([retired, ...told.values()])
    },
    take: (worker, question, text) => {
      if (questions.get(question)?.worker !== worker) return
      told.set(worker, text)
      settle((_, id) => id === question)
    },
    retire: (worker) => {
      retired = sumMetrics([retired, told.get(worker) ?? ''])
      told.delete(worker)
      settle((question) => question.worker === worker)
    },
  }
}
