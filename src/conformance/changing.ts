import assert from 'node:assert/strict'
import type { Backend, NormalizedName } from '../backend.js'
import { normalizeName } from '../packaging/name.js'
import { defineCase, type UnboundCase } from './case.js'
import { sampleWheel, unknownFile } from './samples.js'
import {
  assertBytes,
  bytesOf,
  filesOf,
  listedNames,
  opened,
  overwrite,
  projectOf,
  publishAll,
  recordOf,
} from './subject.js'

const demo = sampleWheel('demo')
const second = sampleWheel('demo', { version: '2.0' })
const absent = unknownFile(sampleWheel('absent'))

/** Removals, yanks, status, and the revisions that tell of all changes. */
export const changingCases: readonly UnboundCase[] = [
  defineCase({
    id: 'remv',
    title: 'a file that was removed is gone from its page and cannot be opened',
    needs: ['fill', 'remove'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const file = await recordOf(backend, demo)
      assert.equal(await backend.remove(file), true)
      assert.deepEqual(await filesOf(backend, demo.project), [])
      assert.deepEqual(await listedNames(backend), [])
      for (const part of ['content', 'metadata'] as const) {
        assert.equal(await backend.openFile(file, { part }), undefined, part)
      }
      assert.equal(await backend.findFile?.(file.path), undefined)
    },
  }),
  defineCase({
    id: 'hand',
    title: 'a project that is at hand is what would be read, also right after a change',
    needs: ['publish', 'remove', 'projectAtHand'],
    check: async (subject) => {
      const { backend } = subject
      const assertCurrent = async (): Promise<void> => {
        const atHand = backend.projectAtHand(demo.project)
        const read = await backend.getProject(demo.project)
        assert.ok(atHand === undefined || atHand.revision === read?.revision, 'another revision is at hand')
      }
      await publishAll(subject, [demo])
      await assertCurrent()
      await publishAll(subject, [second])
      await assertCurrent()
      await backend.remove(await recordOf(backend, demo))
      await assertCurrent()
    },
  }),
  defineCase({
    id: 'fhnd',
    title: 'a part of a file that is at hand is what would be opened, also right after a change',
    needs: ['publish', 'remove', 'findFile', 'fileAtHand'],
    check: async (subject) => {
      const { backend } = subject
      await publishAll(subject, [demo])
      const { path } = await recordOf(backend, demo)
      await assertAtHand(backend, path)
      await backend.setYanked?.(await recordOf(backend, demo), { reason: 'broken' })
      await assertAtHand(backend, path)
      await overwrite(subject, sampleWheel('demo', { seed: 1 }))
      await assertAtHand(backend, path)
      await backend.remove(await recordOf(backend, demo))
      await assertAtHand(backend, path)
    },
  }),
  defineCase({
    id: 'remn',
    title: 'removing a file that is not there is false',
    needs: ['fill', 'remove'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const file = await recordOf(backend, demo)
      assert.equal(await backend.remove(absent), false)
      await backend.remove(file)
      assert.equal(await backend.remove(file), false)
    },
  }),
  defineCase({
    id: 'remo',
    title: 'removing a file leaves the others alone',
    needs: ['fill', 'remove'],
    check: async ({ backend, fill }) => {
      const other = sampleWheel('other')
      await fill([demo, second, other])
      await backend.remove(await recordOf(backend, demo))
      for (const sample of [second, other]) {
        await assertBytes(await opened(backend, await recordOf(backend, sample)), sample.bytes)
      }
    },
  }),
  defineCase({
    id: 'yank',
    title: 'a file is yanked with a reason, without one, and no longer',
    needs: ['fill', 'setYanked'],
    check: async ({ backend, fill }) => {
      await fill([demo, second])
      const file = await recordOf(backend, demo)
      for (const yanked of [{ reason: 'broken' }, {}, undefined]) {
        assert.equal(await backend.setYanked(file, yanked), true)
        assert.deepEqual((await recordOf(backend, demo)).yanked, yanked)
        assert.equal((await recordOf(backend, second)).yanked, undefined)
      }
    },
  }),
  defineCase({
    id: 'yano',
    title: 'yanking a file that is not there is false',
    needs: ['setYanked'],
    check: async ({ backend }) => assert.equal(await backend.setYanked(absent, {}), false),
  }),
  defineCase({
    id: 'stat',
    title: 'a project has the status that it was given',
    needs: ['fill', 'setStatus'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const status = { status: 'deprecated', reason: 'use other' } as const
      assert.equal(await backend.setStatus(demo.project, status), true)
      assert.deepEqual((await projectOf(backend, demo.project)).status, status)
      await backend.setStatus(demo.project, { status: 'active' })
      assert.equal((await projectOf(backend, demo.project)).status?.status ?? 'active', 'active')
    },
  }),
  defineCase({
    id: 'stas',
    title: 'the status of a project is that on its page, and there is none of a project that does not exist',
    needs: ['fill', 'setStatus', 'getStatus'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      assert.equal((await backend.getStatus(demo.project))?.status ?? 'active', 'active')
      for (const status of ['archived', 'active'] as const) {
        await backend.setStatus(demo.project, { status })
        assert.equal((await backend.getStatus(demo.project))?.status ?? 'active', status)
      }
      assert.equal(await backend.getStatus(normalizeName('absent')), undefined)
    },
  }),
  defineCase({
    id: 'quar',
    title: 'a file of a quarantined project is not found by its path, and is again afterwards',
    needs: ['fill', 'setStatus', 'findFile'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const { path } = await recordOf(backend, demo)
      await backend.setStatus(demo.project, { status: 'quarantined' })
      assert.equal(await backend.findFile(path), undefined)
      await backend.setStatus(demo.project, { status: 'active' })
      assert.equal((await backend.findFile(path))?.path, path)
    },
  }),
  defineCase({
    id: 'free',
    title: 'a project name is freed once it has no files, and means nothing from then on',
    needs: ['fill', 'remove', 'freeProject'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      await assert.rejects(async () => await backend.freeProject(demo.project), { code: 'ERR_PYPI_FORBIDDEN' })
      await backend.remove(await recordOf(backend, demo))
      await backend.freeProject(demo.project)
      assert.equal(await backend.getProject(demo.project), undefined)
      assert.equal(await backend.freeProject(demo.project), false)
    },
  }),
  defineCase({
    id: 'stno',
    title: 'giving a status to a project that does not exist is false',
    needs: ['setStatus'],
    check: async ({ backend }) => {
      assert.equal(await backend.setStatus(normalizeName('absent'), { status: 'archived' }), false)
    },
  }),
  defineCase({
    id: 'rsam',
    title: 'a revision stays while the project does, and is visible ASCII of at most 64 characters',
    needs: ['fill'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const before = await revisionOf(backend, demo.project)
      await fill([sampleWheel('other')])
      assert.equal(await revisionOf(backend, demo.project), before)
      assert.match(before, /^[!-~]{1,64}$/)
    },
  }),
  defineCase({
    id: 'rpub',
    title: 'publishing a file changes the revision, and so does replacing it',
    needs: ['publish'],
    check: async (subject) => {
      const { backend } = subject
      await publishAll(subject, [demo])
      await assertChanges(backend, demo.project, () => publishAll(subject, [second]))
      await assertChanges(backend, demo.project, () => overwrite(subject, sampleWheel('demo', { seed: 1 })))
    },
  }),
  defineCase({
    id: 'rrem',
    title: 'removing a file changes the revision',
    needs: ['fill', 'remove'],
    check: async ({ backend, fill }) => {
      await fill([demo, second])
      const file = await recordOf(backend, demo)
      await assertChanges(backend, demo.project, () => backend.remove(file))
    },
  }),
  defineCase({
    id: 'ryan',
    title: 'yanking a file changes the revision, and so does another reason',
    needs: ['fill', 'setYanked'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      const file = await recordOf(backend, demo)
      await assertChanges(backend, demo.project, () => backend.setYanked(file, {}))
      await assertChanges(backend, demo.project, () => backend.setYanked(file, { reason: 'broken' }))
    },
  }),
  defineCase({
    id: 'rsta',
    title: 'another status changes the revision',
    needs: ['fill', 'setStatus'],
    check: async ({ backend, fill }) => {
      await fill([demo])
      await assertChanges(backend, demo.project, () => backend.setStatus(demo.project, { status: 'archived' }))
    },
  }),
]

async function revisionOf(backend: Backend, name: NormalizedName): Promise<string> {
  return (await projectOf(backend, name)).revision
}

async function assertChanges(backend: Backend, name: NormalizedName, change: () => Promise<unknown>): Promise<void> {
  const before = await revisionOf(backend, name)
  await change()
  assert.notEqual(await revisionOf(backend, name), before)
}

const parts = ['content', 'metadata', 'signature', 'provenance'] as const

/** Looks twice, for what was opened once may be kept. */
async function assertAtHand(
  backend: Backend & Required<Pick<Backend, 'findFile' | 'fileAtHand'>>,
  path: string,
): Promise<void> {
  for (const part of [...parts, ...parts]) {
    const atHand = backend.fileAtHand(path, part)
    const file = await backend.findFile(path)
    const read = file && (await backend.openFile(file, { part }))
    if (atHand === undefined) continue
    assert.ok(read !== undefined, `${part} is at hand and cannot be opened`)
    assert.deepEqual(atHand.file, file, 'another record is at hand')
    assert.equal(atHand.opened.etag, read.etag, 'another validator is at hand')
    await assertBytes(atHand.opened, (await bytesOf(read)) ?? atHand.opened.body)
  }
}
