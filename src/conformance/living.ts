import assert from 'node:assert/strict'
import type { Backend, Change } from '../backend.js'
import { defineCase, type UnboundCase } from './case.js'
import { sampleWheel } from './samples.js'
import { eventually, filesOf, listedNames, publishAll, recordOf, spooled } from './subject.js'

const demo = sampleWheel('demo')
const published = sampleWheel('published')

/** Watching, checking, giving up and closing. */
export const livingCases: readonly UnboundCase[] = [
  defineCase({
    id: 'wpub',
    title: 'whoever watches hears of a project that was published to',
    needs: ['publish', 'watch'],
    check: async (subject) => {
      const watcher = watching(subject.backend)
      await untilHeard(watcher, subject)
      watcher.stop()
    },
  }),
  defineCase({
    id: 'wrem',
    title: 'whoever watches hears of a project that a file was removed from',
    needs: ['publish', 'remove', 'watch'],
    check: async (subject) => {
      const { backend, patienceMs } = subject
      await publishAll(subject, [demo])
      const file = await recordOf(backend, demo)
      const watcher = watching(backend)
      await untilHeard(watcher, subject)
      watcher.forget()
      await backend.remove(file)
      assert.ok(await eventually(() => watcher.hasHeard(demo.project), patienceMs), 'nothing was heard of the removal')
      watcher.stop()
    },
  }),
  defineCase({
    id: 'wend',
    title: 'watching ends with its signal, also one that is aborted already, and then nothing is heard any more',
    needs: ['publish', 'watch'],
    check: async (subject) => {
      const { backend, patienceMs } = subject
      const watcher = watching(backend)
      await publishAll(subject, [demo])
      watcher.stop()
      await assertEnds(watcher.ended, patienceMs, 'watching goes on after its signal')
      watcher.forget()
      const late = watching(backend, AbortSignal.abort())
      await assertEnds(late.ended, patienceMs, 'watching begins after its signal')
      await publishAll(subject, [published])
      await recordOf(backend, published)
      assert.deepEqual([watcher.hasHeard(published.project), late.hasHeard(published.project)], [false, false])
    },
  }),
  defineCase({
    id: 'chck',
    title: 'a check of a backend that can answer fulfils',
    needs: ['check'],
    check: ({ backend }) => backend.check(),
  }),
  defineCase({
    id: 'abrd',
    title: 'reading with a signal that is aborted rejects with its reason',
    needs: ['fill'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const file = await recordOf(backend, demo)
      const reason = new Error('given up')
      const signal = AbortSignal.abort(reason)
      const calls: readonly (() => Promise<unknown> | undefined)[] = [
        () => backend.getProject(demo.project, { signal }),
        () => backend.openFile(file, { signal, describeOnly: true }),
        () => backend.listProjects({ signal })[Symbol.asyncIterator]().next(),
        () => backend.findFile?.(file.path, { signal }) ?? Promise.reject(reason),
        () => backend.check?.({ signal }) ?? Promise.reject(reason),
      ]
      for (const call of calls) await assert.rejects(async () => await call(), reason, String(call))
    },
  }),
  defineCase({
    id: 'abwr',
    title: 'publishing and removing with a signal that is aborted rejects with its reason and changes nothing',
    needs: ['publish', 'remove'],
    check: async (subject) => {
      const { backend } = subject
      await publishAll(subject, [demo])
      const before = await filesOf(backend, demo.project)
      const file = await recordOf(backend, demo)
      const reason = new Error('given up')
      const signal = AbortSignal.abort(reason)
      const candidate = await spooled(subject, published)
      await assert.rejects(async () => await backend.publish(candidate, { signal }), reason)
      await assert.rejects(async () => await backend.remove(file, { signal }), reason)
      assert.deepEqual(await filesOf(backend, demo.project), before)
      assert.deepEqual(await filesOf(backend, published.project), [])
    },
  }),
  defineCase({
    id: 'twic',
    title: 'closing twice, at the same time or one after the other, fulfils',
    needs: ['close'],
    check: async ({ backend }) => {
      await listedNames(backend)
      await Promise.all([backend.close(), backend.close()])
      await backend.close()
    },
  }),
  defineCase({
    id: 'clsd',
    title: 'a closed backend rejects, instead of telling that nothing exists',
    needs: ['fill', 'close'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const file = await recordOf(backend, demo)
      await backend.close()
      await assert.rejects(async () => await backend.getProject(demo.project), 'getProject')
      await assert.rejects(async () => await backend.openFile(file), 'openFile')
      await assert.rejects(listedNames(backend), 'listProjects')
    },
  }),
]

interface Watcher {
  readonly hasHeard: (name: string) => boolean
  readonly forget: () => void
  readonly ended: Promise<void>
  readonly stop: () => void
}

function watching(backend: Backend & Required<Pick<Backend, 'watch'>>, given?: AbortSignal): Watcher {
  let heard: Change[] = []
  const controller = new AbortController()
  const ended = backend.watch((change) => void heard.push(change), { signal: given ?? controller.signal })
  // Whoever awaits it later still sees the rejection.
  ended.catch(() => {})
  return {
    hasHeard: (name) => heard.some(({ projects }) => projects === 'all' || [...projects].some((one) => one === name)),
    forget: () => {
      heard = []
    },
    ended,
    stop: () => controller.abort(),
  }
}

/** Publishes until a change is heard, because nothing tells when watching has begun. */
async function untilHeard(
  watcher: Watcher,
  subject: Parameters<typeof publishAll>[0] & { readonly patienceMs: number },
): Promise<void> {
  let count = 0
  const hasHeard = async (): Promise<boolean> => {
    count += 1
    await publishAll(subject, [sampleWheel('published', { version: `${count}.0` })])
    return watcher.hasHeard(published.project)
  }
  assert.ok(await eventually(hasHeard, subject.patienceMs), 'nothing was heard of the publication')
}

async function assertEnds(work: Promise<void>, patienceMs: number, message: string): Promise<void> {
  let hasEnded = false
  const end = work.finally(() => {
    hasEnded = true
  })
  // Nobody may ever await it.
  end.catch(() => {})
  assert.ok(await eventually(() => hasEnded, patienceMs), message)
  await end
}
