import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type DirectoryBackend, directory, normalizeName, silentLogger } from 'pypi-server'
import type { Inspection } from '#src/backends/directory/catalogue.js'
import { fileState } from '#src/backends/directory/layout.js'
import { openDigestCache } from '#src/digests/digest-cache.js'
import { type BuiltArchive, sdist, wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { temporaryDirectory } from '../helpers/temporary.js'

/** Too large to be read whole before its directory has been looked at. */
const large = (name: string): BuiltArchive =>
  wheel({ name, version: '1.0', files: { 'data.bin': randomBytes(400_000) }, method: 'stored' })

function open(t: TestContext, root: string): DirectoryBackend {
  const backend = directory(root, { readAhead: false })
  t.after(() => backend.close())
  return backend
}

/** A directory with one large file, and a backend that has looked at it. */
async function openWithDemo(t: TestContext): Promise<{ root: string; filename: string; backend: DirectoryBackend }> {
  const root = temporaryDirectory(t)
  const { filename, bytes } = large('demo')
  writeFileSync(join(root, filename), bytes)
  const backend = open(t, root)
  await backend.check()
  return { root, filename, backend }
}

async function digestOf(backend: DirectoryBackend, project: string): Promise<string | undefined> {
  return (await backend.getProject(normalizeName(project)))?.files[0]?.hashes['sha256']
}

/** The files whose digests are written down. */
function digested(root: string): readonly string[] {
  const text = readFileSync(join(root, '.pypi-server', 'digests.jsonl'), 'utf8')
  return [...text.matchAll(/\["0\/([^"]+)"/g)].map(([, path = '']) => path)
}

test('a backend that does not read ahead digests what it is asked for, and nothing else', async (t) => {
  const root = temporaryDirectory(t)
  const files = ['a', 'b', 'c', 'd', 'e'].map(large)
  for (const { filename, bytes } of files) writeFileSync(join(root, filename), bytes)
  const backend = open(t, root)
  const [first, , , , last] = files as [BuiltArchive, BuiltArchive, BuiltArchive, BuiltArchive, BuiltArchive]
  assert.equal(await digestOf(backend, 'a'), createHash('sha256').update(first.bytes).digest('hex'))
  assert.equal(await digestOf(backend, 'e'), createHash('sha256').update(last.bytes).digest('hex'))
  await backend.close()
  assert.deepEqual(digested(root), [first.filename, last.filename])
})

const lie = '00'.repeat(32)

/** Writes down, as another process would, a digest that no file has: what is told of it was never read. */
async function claim(root: string, filename: string): Promise<void> {
  const cache = await openDigestCache<Inspection>(join(root, '.pypi-server', 'digests.jsonl'), silentLogger)
  const { identity } = fileState(statSync(join(root, filename), { bigint: true }))
  cache.set(`0/${filename}`, identity, { state: 'complete', hashes: { sha256: lie } })
  await cache.flush()
}

test('a backend that does not read ahead takes what others write down, without being asked', async (t) => {
  const { root, filename, backend } = await openWithDemo(t)
  const changes: unknown[] = []
  const stop = new AbortController()
  void backend.watch(({ projects }) => changes.push(projects), { signal: stop.signal })
  await claim(root, filename)
  await eventually(() => changes.length > 0)
  stop.abort()
  assert.equal(await digestOf(backend, 'demo'), lie)
})

test('what others wrote down is taken before a file is read that is asked for', async (t) => {
  const { root, filename, backend } = await openWithDemo(t)
  await claim(root, filename)
  assert.equal(await digestOf(backend, 'demo'), lie)
})

test('a large sdist that comes in is read by one process, and shown by the others once that one has', async (t) => {
  const root = temporaryDirectory(t)
  const { filename, bytes } = sdist({ name: 'demo', version: '1.0', files: { 'data.bin': randomBytes(400_000) } })
  const backend = open(t, root)
  await backend.check()
  mkdirSync(join(root, '.pypi-server'), { recursive: true })
  const spooled = join(root, '.pypi-server', filename)
  writeFileSync(spooled, bytes)
  renameSync(spooled, join(root, filename))
  await claim(root, filename)
  await eventually(async () => (await digestOf(backend, 'demo')) === lie)
})

test('what others claim of other bytes is not believed', async (t) => {
  const { root, filename, backend } = await openWithDemo(t)
  await claim(root, filename)
  const changed = large('demo')
  writeFileSync(join(root, filename), changed.bytes)
  const digest = createHash('sha256').update(changed.bytes).digest('hex')
  await eventually(async () => (await digestOf(backend, 'demo')) === digest)
})
