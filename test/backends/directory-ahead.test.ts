import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type DirectoryBackend, directory, normalizeName } from 'pypi-server'
import { type BuiltArchive, wheel } from '../helpers/archives.js'
import { temporaryDirectory } from '../helpers/temporary.js'

/** Too large to be read whole before its directory has been looked at. */
const large = (name: string): BuiltArchive =>
  wheel({ name, version: '1.0', files: { 'data.bin': randomBytes(400_000) }, method: 'stored' })

function open(t: TestContext, root: string): DirectoryBackend {
  const backend = directory(root, { readAhead: false })
  t.after(() => backend.close())
  return backend
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
