import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { directory, normalizeName } from 'pypi-server'
import { publish } from '#src/backends/directory/changes.js'
import { place } from '#src/backends/directory/publish.js'
import { newState, start, stop } from '#src/backends/directory/state.js'
import { fileAt } from '#src/backends/directory/told.js'
import { checkUploadFilename } from '#src/packaging/filename.js'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { serveIndex, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

/** A root and a spooled file in it. */
function spooledIn(t: TestContext): { readonly root: string; readonly spooledPath: string; readonly target: string } {
  const root = temporaryDirectory(t)
  const spool = join(root, '.pypi-server', 'spool')
  mkdirSync(spool, { recursive: true })
  writeFileSync(join(spool, 'u'), 'bytes')
  return { root, spooledPath: join(spool, 'u'), target: join(root, 'demo-1.0.zip') }
}

test('a file that is in its place is stored, even if its spool file cannot be removed', async (t) => {
  const { root, spooledPath, target } = spooledIn(t)
  const spool = dirname(spooledPath)
  chmodSync(root, 0o777)
  chmodSync(spooledPath, 0o666)
  chmodSync(spool, 0o555)
  // Modes bind everybody but root.
  const user = process.geteuid?.()
  if (user === 0) process.seteuid?.(65534)
  await place({ root, target, spooledPath, overwrite: false }).finally(() => {
    process.seteuid?.(user ?? 0)
    chmodSync(spool, 0o755)
  })
  assert.deepEqual([readFileSync(target, 'utf8'), existsSync(spooledPath)], ['bytes', true])
})

test('what an upload that was cut off left beside its file is not that of the next one', async (t) => {
  const { root, spooledPath, target } = spooledIn(t)
  for (const suffix of ['.asc', '.provenance', '.attestations']) writeFileSync(target + suffix, 'of other bytes')
  await place({ root, target, spooledPath, overwrite: false })
  assert.deepEqual(
    readdirSync(root).filter((name) => !name.startsWith('.')),
    ['demo-1.0.zip'],
  )
})

test('what was left beside the place of an upload a moment ago is not of its bytes', async (t) => {
  const { root, post, request } = await serveIndex(t)
  await request('/simple/')
  const file = wheel({ name: 'demo', version: '1.0' })
  for (const suffix of ['.asc', '.attestations']) writeFileSync(join(root, file.filename + suffix), 'of other bytes')
  assert.equal((await post(uploadForm(file))).status, 200)
  const beside = readdirSync(root).filter((name) => name.startsWith('demo'))
  assert.deepEqual(beside, [file.filename])
  assert.equal((await request(`/packages/${file.filename}.asc`)).status, 404)
})

test('an upload that is refused leaves what stands beside the other file alone', async (t) => {
  const { root, spooledPath, target } = spooledIn(t)
  writeFileSync(target, 'other bytes')
  writeFileSync(`${target}.provenance`, 'of the other bytes')
  const companions = { signature: Buffer.from('signature') }
  await assert.rejects(place({ root, target, spooledPath, overwrite: false, companions }), {
    code: 'ERR_PYPI_FILE_EXISTS',
  })
  assert.deepEqual(
    readdirSync(root).filter((name) => !name.startsWith('.')),
    ['demo-1.0.zip', 'demo-1.0.zip.provenance'],
  )
})

test('provenance is told of a file when it is copied in beside it, as what it is, and no longer when it is deleted', async (t) => {
  const root = temporaryDirectory(t)
  const { filename, bytes } = wheel({ name: 'demo', version: '1.0' })
  writeFileSync(join(root, filename), bytes)
  writeFileSync(join(root, `${filename}.attestations`), '{}')
  const backend = directory(root)
  t.after(() => backend.close())
  const told = async () => (await backend.getProject(normalizeName('demo')))?.files[0]?.provenance ?? 'none'
  assert.equal(await told(), 'unverified')
  writeFileSync(join(root, `${filename}.provenance`), '{}')
  assert.ok(await eventually(async () => (await told()) === 'verified'))
  const [verified] = (await backend.getProject(normalizeName('demo')))?.files ?? []
  assert.ok(verified && (await backend.openFile(verified, { part: 'provenance' })))
  unlinkSync(join(root, `${filename}.provenance`))
  assert.equal(await backend.openFile(verified, { part: 'provenance' }), undefined)
  assert.ok(await eventually(async () => (await told()) === 'unverified'))
  unlinkSync(join(root, `${filename}.attestations`))
  assert.ok(await eventually(async () => (await told()) === 'none'))
})

test('digests that are to be remembered do not bring a directory back that vanished', async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  mkdirSync(root)
  writeFileSync(join(root, 'demo-1.0.zip'), 'no archive')
  const backend = directory(root)
  t.after(() => backend.close())
  assert.equal((await backend.getProject(normalizeName('demo')))?.files.length, 1)
  renameSync(root, `${root}.away`)
  await backend.close()
  assert.equal(existsSync(root), false)
})

test('a file that is written anew where it stands is not served half', async (t) => {
  const root = temporaryDirectory(t)
  const [old, next] = [
    wheel({ name: 'demo', version: '1.0' }),
    wheel({ name: 'demo', version: '1.0', files: { x: 'y' } }),
  ]
  const path = join(root, old.filename)
  writeFileSync(path, old.bytes)
  const backend = directory(root)
  t.after(() => backend.close())
  const [file] = (await backend.getProject(normalizeName('demo')))?.files ?? []
  assert.ok(file)
  writeFileSync(path, next.bytes.subarray(0, 200))
  assert.equal(await backend.openFile(file), undefined)
  writeFileSync(path, next.bytes)
  const { body } = (await eventually(() => backend.openFile(file))) ?? {}
  assert.deepEqual(body, next.bytes)
})

test('metadata of a file that was removed behind our back is not there', async (t) => {
  const root = temporaryDirectory(t)
  const { filename, bytes } = wheel({ name: 'demo', version: '1.0' })
  writeFileSync(join(root, filename), bytes)
  const first = directory(root)
  await first.getProject(normalizeName('demo'))
  await first.close()
  const backend = directory(root)
  t.after(() => backend.close())
  const [file] = (await backend.getProject(normalizeName('demo')))?.files ?? []
  assert.ok(file)
  unlinkSync(join(root, filename))
  assert.equal(await backend.openFile(file, { part: 'metadata' }), undefined)
})

test('the same bytes that another process stored at the same time are no conflict', async (t) => {
  const { root, post } = await serveIndex(t)
  const other = await serveIndex(t, { roots: root })
  await Promise.all([post(uploadForm(wheel({ name: 'first', version: '1.0' }))), other.request('/simple/')])
  for (let minor = 0; minor < 10; minor += 1) {
    const file = wheel({ name: 'demo', version: `1.${minor}` })
    const answers = await Promise.all([post(uploadForm(file)), other.post(uploadForm(file))])
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    )
  }
})

test('an upload that is deleted by hand at once goes, also while much else changes', async (t) => {
  const { root, request, post } = await serveIndex(t)
  const write = (count: number): void => {
    for (let index = 0; index < count; index += 1) writeFileSync(join(root, `${index}.txt`), '')
  }
  write(5000)
  await request('/simple/')
  // Several, because the directory is to be read again between the upload and its removal.
  for (let minor = 0; minor < 5; minor += 1) {
    const file = wheel({ name: `demo${minor}`, version: '1.0' })
    write(600)
    assert.equal((await post(uploadForm(file))).status, 200)
    write(600)
    unlinkSync(join(root, file.filename))
    const page = async (): Promise<string> => (await request(`/simple/demo${minor}/`)).text()
    await eventually(async () => !(await page()).includes(file.filename))
  }
})

const sharedMemory = '/dev/shm'
const isOtherFileSystem = existsSync(sharedMemory) && statSync(sharedMemory).dev !== statSync(tmpdir()).dev

test('a file in a root on another file system can be overwritten', { skip: !isOtherFileSystem }, async (t) => {
  const one = temporaryDirectory(t)
  const two = mkdtempSync(join(sharedMemory, 'pypi-server-test-'))
  t.after(() => rmSync(two, { recursive: true, force: true }))
  const [old, next] = [
    wheel({ name: 'demo', version: '1.0' }),
    wheel({ name: 'demo', version: '1.0', files: { x: 'y' } }),
  ]
  writeFileSync(join(two, old.filename), old.bytes)
  const { post } = await serveIndex(t, { roots: [one, two], overwrite: true })
  assert.equal((await post(uploadForm(next))).status, 200)
  assert.deepEqual(readFileSync(join(two, next.filename)), next.bytes)
  assert.deepEqual(readdirSync(join(two, '.pypi-server', 'spool')), [])
})

test('a file that is being overwritten is seen as it is before that is done', async (t) => {
  const { root, spooledPath } = spooledIn(t)
  const { filename, bytes } = wheel({ name: 'demo', version: '1.0' })
  const target = join(root, filename)
  writeFileSync(target, 'old bytes')
  writeFileSync(spooledPath, bytes)
  const state = newState(root, {})
  t.after(() => stop(state))
  const { tracker, inspector } = await start(state)
  let isReplaced = (): void => {}
  let goOn = (): void => {}
  const replaced = new Promise<void>((resolve) => {
    isReplaced = resolve
  })
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const syncFolder = async (): Promise<void> => {
    if (statSync(target).size !== bytes.length) return
    isReplaced()
    await held
  }
  const parsed = checkUploadFilename(filename)
  const candidate = { ...parsed, project: parsed.name, spooledPath, size: bytes.length, hashes: {} }
  const publishing = publish(Object.assign(state, { syncFolder }), candidate, { overwrite: true })
  await replaced
  await tracker.look(0, filename)
  await inspector.settled({ root: 0, path: filename })
  const seen = state.catalogue.atPath(filename)?.state.size
  goOn()
  await publishing
  assert.equal(seen, bytes.length)
})

test('a file that was replaced is not missing while it is looked into', async (t) => {
  const root = temporaryDirectory(t)
  const { filename, bytes } = wheel({ name: 'demo', version: '1.0' })
  const target = join(root, filename)
  writeFileSync(target, bytes)
  const state = newState(root, {})
  t.after(() => stop(state))
  const { tracker } = await start(state)
  const other = wheel({ name: 'demo', version: '1.0', files: { 'demo/more.py': '' } }).bytes
  writeFileSync(join(root, '.other'), other)
  renameSync(join(root, '.other'), target)
  await tracker.look(0, filename)
  assert.equal(state.catalogue.atPath(filename), undefined)
  assert.equal((await fileAt(state, filename))?.state.size, other.length)
})
