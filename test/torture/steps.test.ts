import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { wheel } from '../helpers/archives.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { assertAllThere, assertNothingTorn, distribution, leftOvers } from './damage.js'
import { compiler, type DiskCall, type DiskError, diskFaults } from './disk-faults.js'
import { type Cut, killAtEveryStep } from './kill-at-steps.js'
import { type Distribution, pageOf, serve, sha256, uploadStatus, verifiedFiles } from './servers.js'
import { linux, tortureTest } from './torture-test.js'

/** An upload that is cut off. */
interface Scene {
  readonly args: readonly string[]
  /** Stored before; of the same name where the upload replaces it. */
  readonly before: readonly Distribution[]
  readonly file: Distribution
}

/** What holds of an upload, wherever it was cut off. */
async function assertCutWell({ before, file }: Scene, url: string, root: string, { step, status }: Cut): Promise<void> {
  const acknowledged = new Map(before.map(({ filename, bytes }) => [filename, sha256(bytes)]))
  const replaced = acknowledged.get(file.filename)
  if (status === 200) acknowledged.set(file.filename, sha256(file.bytes))
  else acknowledged.delete(file.filename)
  assertWhole(root, file, [status === 200 ? undefined : replaced, sha256(file.bytes)])
  assertOwnSignature(root, [file, ...before], step)
  if (replaced !== undefined) assert.ok(existsSync(join(root, file.filename)), `step ${step}: the old file is lost`)
  await assertAllThere(url, acknowledged)
  const againMs = performance.now()
  assert.equal(await uploadStatus(url, file), 200, `step ${step}, again`)
  assert.ok(performance.now() - againMs < 5000, `step ${step}: what the dead process held keeps others waiting`)
  await assertAllThere(url, acknowledged.set(file.filename, sha256(file.bytes)))
}

/** What stands beside a file is of its bytes, or nothing is there. */
function assertOwnSignature(root: string, files: readonly Distribution[], step: number): void {
  for (const { filename } of files) {
    const [path, beside] = [join(root, filename), join(root, `${filename}.asc`)]
    if (!existsSync(path) || !existsSync(beside)) continue
    const digest = sha256(readFileSync(path))
    const owner = files.find(({ bytes }) => sha256(bytes) === digest)
    assert.equal(readFileSync(beside, 'utf8'), owner?.signature, `step ${step}: the signature of other bytes`)
  }
}

function assertWhole(root: string, { filename }: Distribution, digests: readonly (string | undefined)[]): void {
  const path = join(root, filename)
  if (!existsSync(path)) return
  assert.ok(digests.includes(sha256(readFileSync(path))), `${filename} is torn`)
}

const scenes: readonly (Scene & { readonly title: string; readonly commit: DiskCall })[] = [
  {
    title: 'kill -9 at every step of the first upload to a directory loses, tears and leaves nothing',
    args: [],
    before: [],
    file: distribution(1),
    commit: 'link',
  },
  {
    title: 'kill -9 at every step of an upload that replaces a file loses, tears and leaves nothing',
    args: ['--overwrite'],
    before: [distribution(1), distribution(2, 'old')],
    file: distribution(2, 'new'),
    commit: 'rename',
  },
  {
    title: 'kill -9 at every step of a signed upload that replaces a signed file leaves no signature of other bytes',
    args: ['--overwrite'],
    before: [{ ...distribution(2, 'old'), signature: 'of the old' }],
    file: { ...distribution(2, 'new'), signature: 'of the new' },
    commit: 'rename',
  },
]

for (const { title, commit, ...scene } of scenes) {
  tortureTest([linux, compiler], title, async (t) => {
    const calls = await killAtEveryStep(t, {
      ...scene,
      ask: (url) => uploadStatus(url, scene.file),
      look: (url, root, cut) => assertCutWell(scene, url, root, cut),
    })
    t.diagnostic(`${calls.length} steps: ${calls.join(' ')}`)
    // Data, name, directory: whoever leaves one out makes this suite blind.
    assert.ok(calls.indexOf('sync') < calls.lastIndexOf(commit), 'nothing is synced before the commit')
    assert.ok(calls.lastIndexOf(commit) < calls.lastIndexOf('sync'), 'nothing is synced after the commit')
  })
}

/** A call of an upload that fails, on which path, and what the client is told. */
const failures: readonly (readonly [call: DiskCall, error: DiskError, path: string, status: number])[] = [
  ['create', 'EACCES', '/spool/', 503],
  ['create', 'EROFS', '/spool/', 503],
  ['create', 'ENOSPC', '/spool/', 507],
  ['write', 'EIO', '/spool/', 503],
  ['write', 'ENOSPC', '/spool/', 507],
  ['write', 'EDQUOT', '/spool/', 507],
  ['sync', 'EIO', '/spool/', 503],
  ['sync', 'ENOSPC', '/spool/', 507],
  ['link', 'EIO', '.whl', 503],
  ['link', 'EACCES', '.whl', 503],
  ['link', 'ENOSPC', '.whl', 507],
  ['sync', 'EIO', '', 503],
  ['rename', 'EIO', '/projects/', 503],
  ['rename', 'ENOSPC', '/projects/', 507],
]

tortureTest(
  [linux, compiler],
  'an upload during which any call fails is told 503 or 507, shows nothing, and works once calls do',
  async (t) => {
    const [root, faults] = [temporaryDirectory(t), diskFaults(t)]
    const server = await serve(t, root, { env: faults.env })
    const sent = new Map<string, string>()
    for (const [index, [call, error, path, status]] of failures.entries()) {
      const what = `${error} on ${call} of ${path || 'any path'}`
      // Of a project of its own: names of projects are recorded once.
      const file = wheel({ name: `demo${index}`, version: '1.0' })
      faults.fail(call, error, path)
      const answered = await uploadStatus(server.url, file)
      assert.ok(faults.heal() > 0, `${what}: never called`)
      assert.equal(answered, status, what)
      assert.deepEqual((await pageOf(server.url, `demo${index}`))?.files ?? [], [], `${what}: it shows`)
      assert.ok(!existsSync(join(root, file.filename)), `${what}: it is there`)
      assert.deepEqual(leftOvers(root), [], what)
      assert.equal(await uploadStatus(server.url, file), 200, `${what}, mended`)
      assert.equal((await verifiedFiles(server.url, `demo${index}`)).size, 1, `${what}, mended`)
      sent.set(file.filename, sha256(file.bytes))
    }
    assertNothingTorn(root, sent)
  },
)
