import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { wheel } from '../helpers/archives.js'
import { assertAllThere } from './damage.js'
import { compiler, type DiskCall } from './disk-faults.js'
import { killAtEveryStep } from './kill-at-steps.js'
import { type Distribution, pageOf, sha256, uploadStatus } from './servers.js'
import { linux, tortureTest } from './torture-test.js'

const file: Distribution = { ...wheel({ name: 'demo', version: '1.0' }), signature: 'of the first' }
const others: Distribution = wheel({ name: 'demo', version: '1.0', files: { other: 'bytes' } })
const neighbour: Distribution = wheel({ name: 'demo', version: '2.0' })

/** A change of something that is stored, which is cut off. */
interface Scene {
  readonly title: string
  readonly method: string
  readonly path: string
  readonly body?: object
  readonly commit: DiskCall
  /** Fails unless all is as it was, or, where it was acknowledged, as it was asked for. */
  readonly look: (url: string, root: string, isAcknowledged: boolean) => Promise<void>
}

/** Status of the change; 0 when no answer came. */
async function ask(url: string, { method, path, body }: Scene): Promise<number> {
  const options = { method, ...(body && { body: JSON.stringify(body) }), signal: AbortSignal.timeout(60_000) }
  const answer = await fetch(new URL(path, url), options).catch(() => undefined)
  await answer?.arrayBuffer().catch(() => {})
  return answer?.status ?? 0
}

const scenes: readonly Scene[] = [
  {
    title: 'kill -9 at every step of a removal leaves the file whole, or gone with its name never used for other bytes',
    method: 'DELETE',
    path: 'api/projects/demo/releases/1.0',
    commit: 'unlink',
    look: async (url, root, isAcknowledged) => {
      const shown = (await pageOf(url, 'demo'))?.files.map(({ filename }) => filename)
      const isThere = existsSync(join(root, file.filename))
      assert.equal(shown?.includes(file.filename), isThere)
      if (isThere) await assertAllThere(url, new Map([[file.filename, sha256(file.bytes)]]))
      assert.ok(!(isThere && isAcknowledged), 'a removed file is back')
      assert.notEqual(await uploadStatus(url, others), 200)
    },
  },
  {
    title: 'kill -9 at every step of a yank leaves all files, and the yank whole or not there',
    method: 'PUT',
    path: 'api/projects/demo/releases/1.0/yank',
    body: { reason: 'broken' },
    commit: 'rename',
    look: async (url, _root, isAcknowledged) => {
      await assertAllThere(url, new Map([[file.filename, sha256(file.bytes)]]))
      const { yanked } = (await pageOf(url, 'demo'))?.files.find(({ filename }) => filename === file.filename) ?? {}
      assert.ok((isAcknowledged ? ['broken'] : ['broken', undefined, false]).includes(yanked as string), String(yanked))
    },
  },
]

for (const scene of scenes) {
  tortureTest([linux, compiler], scene.title, async (t) => {
    const calls = await killAtEveryStep(t, {
      before: [file, neighbour],
      ask: (url) => ask(url, scene),
      look: async (url, root, { step, status }) => {
        await assertAllThere(url, new Map([[neighbour.filename, sha256(neighbour.bytes)]]))
        await scene.look(url, root, status === 200)
        // Again: of what was done already there is nothing left to be done.
        assert.ok([200, 404].includes(await ask(url, scene)), `step ${step}, again`)
        await scene.look(url, root, true)
      },
    })
    t.diagnostic(`${calls.length} steps: ${calls.join(' ')}`)
    // Whoever counts no syncs is blind; which ones there must be is told by the traces of `flushed.test.ts`.
    assert.ok(calls.includes(scene.commit) && calls.includes('sync'), calls.join(' '))
  })
}
