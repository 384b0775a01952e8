import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type DirectoryBackend, directory, normalizeName, silentLogger } from 'pypi-server'
import { createCatalogue } from '#src/backends/directory/catalogue.js'
import { fileState } from '#src/backends/directory/layout.js'
import { readSnapshot } from '#src/backends/directory/read-snapshot.js'
import { type SnapshotScope, saveSnapshot } from '#src/backends/directory/snapshot.js'
import { sdist, wheel } from '../helpers/archives.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const changed = wheel({ name: 'demo', version: '1.0', files: { 'demo/new.py': '' } })
const other = wheel({ name: 'other', version: '1.0' })
const lie = '00'.repeat(32)
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const put = (folder: string, { filename, bytes }: { filename: string; bytes: Uint8Array }): void =>
  writeFileSync(join(folder, filename), bytes)

/** Writes a snapshot that knows these files, with a digest that no file has: what is told of it was never read. */
async function snapshotOf(scope: SnapshotScope, ...paths: readonly string[]): Promise<string> {
  const [root = ''] = scope.roots
  const catalogue = createCatalogue(scope.algorithms)
  for (const path of paths) {
    const state = fileState(statSync(join(root, path), { bigint: true }))
    const file = catalogue.byId(catalogue.update(0, path, state)?.id ?? 0)
    assert.ok(file)
    const hashes = Object.fromEntries(scope.algorithms.map((algorithm) => [algorithm, lie]))
    catalogue.note(file, { inspection: { state: 'complete', requiresPython: '>=3.1', hashes } })
  }
  mkdirSync(join(root, '.pypi-server'), { recursive: true })
  const path = join(root, '.pypi-server', 'catalogue.snapshot')
  await saveSnapshot(path, catalogue, scope)
  return path
}

function open(t: TestContext, roots: string | readonly string[], hashAlgorithm?: string): DirectoryBackend {
  const backend = directory(roots, { logger: silentLogger, ...(hashAlgorithm !== undefined && { hashAlgorithm }) })
  t.after(() => backend.close())
  return backend
}

async function digestsOf(backend: DirectoryBackend, project = 'demo'): Promise<unknown> {
  return (await backend.getProject(normalizeName(project)))?.files.map(({ hashes }) => hashes['sha256'])
}

async function namesOf(backend: DirectoryBackend): Promise<readonly string[]> {
  const names: string[] = []
  for await (const page of backend.listProjects()) names.push(...page.map(({ name }) => name))
  return names
}

test('what a snapshot knows of files that did not change is told without reading them', async (t) => {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, 'sub'))
  put(join(root, 'sub'), demo)
  put(root, other)
  await snapshotOf({ roots: [root], algorithms: ['sha256'] }, `sub/${demo.filename}`, other.filename)
  const backend = open(t, root)
  const [file] = (await backend.getProject(normalizeName('demo')))?.files ?? []
  assert.deepEqual([file?.path, file?.hashes, file?.requiresPython], [`sub/${demo.filename}`, { sha256: lie }, '>=3.1'])
  assert.deepEqual((await backend.findFile(other.filename))?.hashes, { sha256: lie })
})

test('a file that was replaced while nothing ran is never told of as the snapshot knows it', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  put(root, other)
  await snapshotOf({ roots: [root], algorithms: ['sha256'] }, demo.filename, other.filename)
  put(root, changed)
  put(root, { filename: other.filename, bytes: demo.bytes })
  const backend = open(t, root)
  assert.notEqual((await backend.findFile(other.filename))?.hashes['sha256'], lie)
  assert.deepEqual(await digestsOf(backend), [sha256(changed.bytes)])
  assert.deepEqual(await digestsOf(backend, 'other'), [sha256(demo.bytes)])
})

test('a file that was removed while nothing ran is gone, and so is its project', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  put(root, other)
  await snapshotOf({ roots: [root], algorithms: ['sha256'] }, demo.filename, other.filename)
  unlinkSync(join(root, demo.filename))
  const backend = open(t, root)
  assert.equal(await backend.findFile(demo.filename), undefined)
  assert.equal(await backend.getProject(normalizeName('demo')), undefined)
  assert.deepEqual(await digestsOf(backend, 'other'), [lie])
})

test('a folder that was removed while nothing ran takes its projects with it', async (t) => {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, 'sub'))
  put(join(root, 'sub'), demo)
  put(root, other)
  await snapshotOf({ roots: [root], algorithms: ['sha256'] }, `sub/${demo.filename}`, other.filename)
  rmSync(join(root, 'sub'), { recursive: true })
  const backend = open(t, root)
  // Waits until everything was read.
  assert.equal(await backend.getProject(normalizeName('missing')), undefined)
  assert.deepEqual(await namesOf(backend), ['other'])
})

test('of a directory of many files one is told of as it is, although not all were looked at', async (t) => {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, 'sub'))
  for (let minor = 0; minor < 6000; minor += 1) writeFileSync(join(root, `many-1.${minor}.zip`), '')
  put(join(root, 'sub'), demo)
  const backend = open(t, root)
  const [file] = (await backend.getProject(normalizeName('demo')))?.files ?? []
  assert.deepEqual(
    [file?.path, file?.size, file?.hashes],
    [`sub/${demo.filename}`, demo.bytes.length, { sha256: sha256(demo.bytes) }],
  )
  assert.equal(await backend.getProject(normalizeName('missing')), undefined)
  assert.deepEqual((await namesOf(backend)).toSorted(), ['demo', 'many'])
})

test('a project that came while nothing ran is never told to be missing', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  await snapshotOf({ roots: [root], algorithms: ['sha256'] }, demo.filename)
  put(root, other)
  const backends = [open(t, root), open(t, root)] as const
  assert.deepEqual(await digestsOf(backends[0], 'other'), [sha256(other.bytes)])
  assert.equal((await backends[1].findFile(other.filename))?.filename, other.filename)
})

test('signatures are told of also before their directory was read', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  writeFileSync(join(root, `${demo.filename}.asc`), 'signature')
  await snapshotOf({ roots: [root], algorithms: ['sha256'] }, demo.filename)
  const [file] = (await open(t, root).getProject(normalizeName('demo')))?.files ?? []
  assert.equal(file?.hasSignature, true)
})

test('a directory that was moved is known by its snapshot still', async (t) => {
  const parent = temporaryDirectory(t)
  const [before, after] = [join(parent, 'before'), join(parent, 'after')]
  mkdirSync(before)
  put(before, demo)
  await snapshotOf({ roots: [before], algorithms: ['sha256'] }, demo.filename)
  renameSync(before, after)
  assert.deepEqual(await digestsOf(open(t, after)), [lie])
})

test('a snapshot of other directories or of other digests is not used', async (t) => {
  const [root, second] = [temporaryDirectory(t), temporaryDirectory(t)]
  put(root, demo)
  await snapshotOf({ roots: [root], algorithms: ['sha256'] }, demo.filename)
  assert.deepEqual(await digestsOf(open(t, [root, second])), [sha256(demo.bytes)])
  assert.deepEqual(await digestsOf(open(t, root, 'md5')), [sha256(demo.bytes)])
  await snapshotOf({ roots: [root], algorithms: ['sha256', 'md5'] }, demo.filename)
  assert.deepEqual(await digestsOf(open(t, root, 'md5')), [lie])
})

test('a snapshot that is damaged anywhere, cut off or of another version is not used', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  const path = await snapshotOf({ roots: [root], algorithms: ['sha256'] }, demo.filename)
  const whole = readFileSync(path)
  assert.ok(readSnapshot(path))
  for (const at of [0, 4, 8, 12, 16, 40, 400, 100_000, whole.length - 1]) {
    const damaged = Buffer.from(whole)
    damaged.writeUInt8((damaged.readUInt8(at) + 1) % 256, at)
    writeFileSync(path, damaged)
    assert.equal(readSnapshot(path), undefined, `byte ${at}`)
  }
  writeFileSync(path, whole)
  for (const size of [whole.length - 1, 1000, 20, 0]) {
    truncateSync(path, size)
    assert.equal(readSnapshot(path), undefined, `${size} bytes`)
    assert.deepEqual(await digestsOf(open(t, root)), [sha256(demo.bytes)])
  }
  rmSync(path)
  mkdirSync(path)
  assert.deepEqual(await digestsOf(open(t, root)), [sha256(demo.bytes)])
})

test('files that a snapshot has no digest of are read, and files that were held back are not in it', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  put(root, other)
  const catalogue = createCatalogue()
  const stateOf = (name: string) => fileState(statSync(join(root, name), { bigint: true }))
  catalogue.update(0, demo.filename, stateOf(demo.filename))
  const held = catalogue.byId(catalogue.update(0, other.filename, stateOf(other.filename))?.id ?? 0)
  assert.ok(held)
  catalogue.note(held, { isHeld: true })
  mkdirSync(join(root, '.pypi-server'))
  const path = join(root, '.pypi-server', 'catalogue.snapshot')
  await saveSnapshot(path, catalogue, { roots: [root], algorithms: ['sha256'] })
  assert.equal(readFileSync(path).includes('other'), false)
  assert.deepEqual(await digestsOf(open(t, root)), [sha256(demo.bytes)])
})

test('after many files were read there is a snapshot, and the digest cache begins anew', {
  timeout: 60_000,
}, async (t) => {
  const root = temporaryDirectory(t)
  const { bytes } = sdist({ name: 'demo', version: '1.0' })
  for (let at = 0; at < 1100; at += 1) put(root, { filename: `p${at % 300}-1.${at}.zip`, bytes })
  const backend = open(t, root)
  await backend.check()
  const path = join(root, '.pypi-server', 'catalogue.snapshot')
  const endMs = performance.now() + 50_000
  while (readSnapshot(path) === undefined && performance.now() < endMs) await new Promise((r) => setTimeout(r, 100))
  await backend.close()
  const again = createCatalogue()
  const { chunks, tables } = readSnapshot(path) ?? assert.fail('no snapshot')
  again.adopt(chunks, tables)
  assert.equal(again.count(), 1100)
  assert.equal(readFileSync(join(root, '.pypi-server', 'digests.jsonl'), { flag: 'a+' }).length < 10_000, true)
})
