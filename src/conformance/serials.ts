import assert from 'node:assert/strict'
import type { Backend, NormalizedName, ProjectChange } from '../backend.js'
import { defineCase, type UnboundCase } from './case.js'
import { sampleWheel } from './samples.js'
import { eventually, overwrite, projectOf, publishAll, recordOf } from './subject.js'

const demo = sampleWheel('demo')
const second = sampleWheel('demo', { version: '2.0' })
const other = sampleWheel('other')
const third = sampleWheel('third')

type Journalling = Backend & Required<Pick<Backend, 'lastSerial' | 'changesSince'>>

/** Serials: what mirrors follow. */
export const serialCases: readonly UnboundCase[] = [
  defineCase({
    id: 'slst',
    title: 'every project has a serial, and the last serial of the index is the highest of them, soon',
    needs: ['fill', 'lastSerial', 'changesSince'],
    check: async ({ backend, fill, patienceMs }) => {
      await fill([demo, other])
      const highest = Math.max(await serialOf(backend, demo.project), await serialOf(backend, other.project))
      await untilTold(backend, highest, patienceMs)
      assert.equal(await backend.lastSerial(), highest)
    },
  }),
  defineCase({
    id: 'spub',
    title: 'publishing and replacing a file gives its project a higher serial than there was, and no other project',
    needs: ['publish', 'lastSerial', 'changesSince'],
    check: async (subject) => {
      const { backend } = subject
      await publishAll(subject, [demo, other])
      const before = await serialOf(backend, other.project)
      await assertRises(subject, () => publishAll(subject, [second]))
      await assertRises(subject, () => overwrite(subject, sampleWheel('demo', { seed: 1 })))
      assert.equal(await serialOf(backend, other.project), before)
    },
  }),
  defineCase({
    id: 'srem',
    title: 'removing a file gives its project a higher serial',
    needs: ['fill', 'remove', 'lastSerial', 'changesSince'],
    check: async (subject) => {
      await subject.fill([demo, second])
      const file = await recordOf(subject.backend, demo)
      await assertRises(subject, () => subject.backend.remove(file))
    },
  }),
  defineCase({
    id: 'syan',
    title: 'yanking a file, another reason, and taking the yank back give its project higher serials',
    needs: ['fill', 'setYanked', 'lastSerial', 'changesSince'],
    check: async (subject) => {
      await subject.fill([demo])
      const file = await recordOf(subject.backend, demo)
      for (const yanked of [{}, { reason: 'broken' }, undefined]) {
        await assertRises(subject, () => subject.backend.setYanked(file, yanked))
      }
    },
  }),
  defineCase({
    id: 'ssta',
    title: 'another status gives a project a higher serial',
    needs: ['fill', 'setStatus', 'lastSerial', 'changesSince'],
    check: async (subject) => {
      await subject.fill([demo])
      await assertRises(subject, () => subject.backend.setStatus(demo.project, { status: 'archived' }))
    },
  }),
  defineCase({
    id: 'ssam',
    title: 'a serial stays while the project does',
    needs: ['fill', 'lastSerial', 'changesSince'],
    check: async ({ backend, fill, patienceMs }) => {
      await fill([demo])
      const before = await serialOf(backend, demo.project)
      await fill([other])
      await untilTold(backend, await serialOf(backend, other.project), patienceMs)
      assert.equal(await serialOf(backend, demo.project), before)
    },
  }),
  defineCase({
    id: 'ssum',
    title: 'the project list tells no serial above that of the project',
    needs: ['fill', 'lastSerial', 'changesSince'],
    check: async ({ backend, fill }) => {
      await fill([demo, second, other])
      for await (const page of backend.listProjects()) {
        for (const { name, serial } of page) {
          const own = await serialOf(backend, name)
          assert.ok(serial === undefined || serial <= own, `${name}: ${serial} in the list, ${own} on its page`)
        }
      }
    },
  }),
  defineCase({
    id: 'sinc',
    title: 'whoever asks for the changes since a serial hears of each project that changed, once, and of no other',
    needs: ['fill', 'lastSerial', 'changesSince'],
    check: async ({ backend, fill, patienceMs }) => {
      await fill([demo, other])
      const since = await toldSerial(backend, [demo.project, other.project], patienceMs)
      await fill([second, third])
      const last = await toldSerial(backend, [demo.project, third.project], patienceMs)
      const changes = await backend.changesSince(since)
      assert.deepEqual(namesOf(changes), [demo.project, third.project])
      for (const { project, serial } of changes) assert.equal(serial, await serialOf(backend, project), project)
      assert.deepEqual(namesOf(await backend.changesSince(0)), [demo.project, other.project, third.project])
      assert.deepEqual(await backend.changesSince(last), [])
      assert.deepEqual(await backend.changesSince(last + 1_000_000), [])
    },
  }),
  defineCase({
    id: 'slim',
    title: 'changes come by rising serial, at most as many as are asked for, so that a mirror can go on from the last',
    needs: ['fill', 'lastSerial', 'changesSince'],
    check: async ({ backend, fill, patienceMs }) => {
      await fill([demo])
      await fill([other])
      await fill([second, third])
      await toldSerial(backend, [demo.project, other.project, third.project], patienceMs)
      const found: ProjectChange[] = []
      for (let since = 0; found.length < 10; since = found.at(-1)?.serial ?? 0) {
        const some = await backend.changesSince(since, { limit: 1 })
        assert.ok(some.length <= 1, `${some.length} changes for a limit of 1`)
        if (some.length === 0) break
        found.push(...some)
      }
      assert.deepEqual(found, await backend.changesSince(0))
      const serials = found.map(({ serial }) => serial)
      assert.deepEqual(
        serials,
        serials.toSorted((a, b) => a - b),
      )
    },
  }),
  defineCase({
    id: 'sgon',
    title: 'mirrors hear of a project whose last file was removed',
    needs: ['fill', 'remove', 'lastSerial', 'changesSince'],
    check: async ({ backend, fill, patienceMs }) => {
      await fill([demo, other])
      const since = await toldSerial(backend, [demo.project, other.project], patienceMs)
      await backend.remove(await recordOf(backend, demo))
      const isTold = async (): Promise<boolean> => (await backend.changesSince(since)).length > 0
      assert.ok(await eventually(isTold, patienceMs), 'nothing was told of the removal')
      assert.deepEqual(namesOf(await backend.changesSince(since)), [demo.project])
    },
  }),
  defineCase({
    id: 'sopn',
    title: 'serials stay when the storage is opened anew, and go on rising',
    needs: ['publish', 'reopen', 'close', 'lastSerial', 'changesSince'],
    check: async (subject) => {
      const { patienceMs } = subject
      await publishAll(subject, [demo, other])
      const last = await toldSerial(subject.backend, [demo.project, other.project], patienceMs)
      const before = await serialOf(subject.backend, demo.project)
      await subject.backend.close()
      const backend = (await subject.reopen()) as Journalling
      try {
        assert.equal(await serialOf(backend, demo.project), before)
        assert.ok(((await backend.lastSerial()) ?? 0) >= last, 'the last serial is smaller than before')
        await publishAll({ ...subject, backend }, [second])
        assert.ok((await serialOf(backend, demo.project)) > last, 'a serial from before was given again')
      } finally {
        await backend.close?.()
      }
    },
  }),
]

async function serialOf(backend: Backend, name: NormalizedName): Promise<number> {
  const { serial } = await projectOf(backend, name)
  assert.ok(Number.isSafeInteger(serial) && (serial ?? 0) > 0, `${name} has no serial above 0 but ${serial}`)
  return serial ?? 0
}

/** Waits until mirrors can know of this serial. */
async function untilTold(backend: Journalling, serial: number, patienceMs: number): Promise<void> {
  const isTold = async (): Promise<boolean> => ((await backend.lastSerial()) ?? 0) >= serial
  assert.ok(
    await eventually(isTold, patienceMs),
    `serial ${serial} is not told, the last is ${await backend.lastSerial()}`,
  )
}

/** The last serial, once it covers what these projects show. */
async function toldSerial(backend: Journalling, names: readonly NormalizedName[], patienceMs: number): Promise<number> {
  const serials = await Promise.all(names.map((name) => serialOf(backend, name)))
  await untilTold(backend, Math.max(...serials), patienceMs)
  return (await backend.lastSerial()) ?? 0
}

/** That a change of demo gives it a serial above all that were given before. */
async function assertRises(
  { backend, patienceMs }: { readonly backend: Journalling; readonly patienceMs: number },
  change: () => Promise<unknown>,
): Promise<void> {
  const before = await toldSerial(backend, [demo.project], patienceMs)
  await change()
  const after = await serialOf(backend, demo.project)
  assert.ok(after > before, `the serial is ${after} after a change, and was ${before} before it`)
}

function namesOf(changes: readonly ProjectChange[]): readonly string[] {
  return changes.map(({ project }) => project as string).sort()
}
