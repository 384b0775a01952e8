import assert from 'node:assert/strict'
import { renameSync, rmSync, statfsSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type DirectoryBackend, directory, normalizeName } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const [ext4, tmpfs, overlay, xfs, btrfs] = [0xef53, 0x01021994, 0x794c7630, 0x58465342, 0x9123683e]
const isKept = process.platform === 'linux' && [ext4, tmpfs, overlay, xfs, btrfs].includes(statfsSync(tmpdir()).type)
const skip = !isKept && 'files are kept on Linux, on local file systems only'
const demo = wheel({ name: 'demo', version: '1.0' })
const signature = '-----BEGIN PGP SIGNATURE-----\n'

interface Setting {
  readonly backend: DirectoryBackend
  readonly path: string
}

/** A wheel with a signature that was served before, long after it was written. */
async function setting(t: TestContext): Promise<Setting> {
  const root = temporaryDirectory(t)
  const path = join(root, demo.filename)
  writeFileSync(path, demo.bytes)
  writeFileSync(`${path}.asc`, signature)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 100_000 })
  const backend = directory(root)
  t.after(() => backend.close())
  await eventually(async () => {
    const file = await backend.findFile(demo.filename)
    for (const part of ['content', 'metadata', 'signature'] as const) {
      assert.ok(file && (await backend.openFile(file, { part })))
      if (backend.fileAtHand(demo.filename, part) === undefined) return false
    }
    return true
  })
  return { backend, path }
}

test('what was served is at hand with the validators that opening it tells', { skip }, async (t) => {
  const { backend } = await setting(t)
  const file = await backend.findFile(demo.filename)
  assert.ok(file)
  for (const part of ['content', 'metadata', 'signature'] as const) {
    const atHand = backend.fileAtHand(demo.filename, part)
    assert.deepEqual(atHand?.opened, await backend.openFile(file, { part }))
    assert.deepEqual(atHand?.file, file)
    assert.equal(backend.fileAtHand(demo.filename, part), atHand)
  }
})

test('a file is not at hand from the moment on that other bytes, or none, stand at its path', { skip }, async (t) => {
  const { backend, path } = await setting(t)
  const { atime, mtime } = statSync(path)
  writeFileSync(`${path}.new`, Buffer.alloc(demo.bytes.length, 'x'))
  utimesSync(`${path}.new`, atime, mtime)
  renameSync(`${path}.new`, path)
  assert.equal(backend.fileAtHand(demo.filename), undefined)
  rmSync(`${path}.asc`)
  assert.equal(backend.fileAtHand(demo.filename, 'signature'), undefined)
})

for (const [how, change] of Object.entries<(backend: DirectoryBackend) => Promise<unknown>>({
  'its project is quarantined': (backend) => backend.setStatus(normalizeName('demo'), { status: 'quarantined' }),
  'it is removed': async (backend) => {
    const file = await backend.findFile(demo.filename)
    return file && (await backend.remove(file))
  },
  'the backend is closed': (backend) => backend.close(),
})) {
  test(`nothing of a file is at hand once ${how}`, { skip }, async (t) => {
    const { backend } = await setting(t)
    await change(backend)
    for (const part of ['content', 'metadata', 'signature'] as const)
      assert.equal(backend.fileAtHand(demo.filename, part), undefined, part)
  })
}

test('a file that is yanked is at hand again, as yanked, once it was asked for', { skip }, async (t) => {
  const { backend } = await setting(t)
  const file = await backend.findFile(demo.filename)
  assert.ok(file)
  await backend.setYanked(file, { reason: 'broken' })
  assert.equal(backend.fileAtHand(demo.filename), undefined)
  await backend.findFile(demo.filename)
  assert.deepEqual(backend.fileAtHand(demo.filename)?.file.yanked, { reason: 'broken' })
})

test('a part that a file does not have is never at hand', { skip }, async (t) => {
  const { backend } = await setting(t)
  assert.equal(backend.fileAtHand(demo.filename, 'provenance'), undefined)
  assert.equal(backend.fileAtHand('absent-1.0-py3-none-any.whl'), undefined)
})
