import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type DirectoryBackend, directory, normalizeName } from 'pypi-server'
import { sdist, wheel } from '../helpers/archives.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = normalizeName('demo')

test('a project of a large directory is whole from its first page on, wherever its files are', async (t) => {
  const root = temporaryDirectory(t)
  const files = [wheel({ name: 'demo', version: '1.0' }), sdist({ name: 'demo', version: '2.0' })]
  mkdirSync(join(root, 'a', 'b'), { recursive: true })
  writeFileSync(join(root, 'a', 'b', files[0]?.filename ?? ''), files[0]?.bytes ?? '')
  const many = wheel({ name: 'many', version: '1.0' })
  const first = join(root, many.filename)
  writeFileSync(first, many.bytes)
  // Enough for projects to be looked for before all names are known.
  for (let build = 1; build < 12_000; build += 1) linkSync(first, join(root, `many-1.0-${build}-py3-none-any.whl`))
  writeFileSync(join(root, files[1]?.filename ?? ''), files[1]?.bytes ?? '')
  writeFileSync(join(root, `${files[1]?.filename}.asc`), 'signature')
  const backend = directory(root)
  t.after(() => backend.close())
  const told = async (from: DirectoryBackend): Promise<unknown> =>
    (await from.getProject(demo))?.files
      .map(({ filename, hashes, hasSignature = false }) => [filename, hashes['sha256'], hasSignature])
      .sort()
  const expected = files
    .map(({ filename, bytes }, at) => [filename, createHash('sha256').update(bytes).digest('hex'), at === 1])
    .sort()
  assert.deepEqual(await Promise.all([told(backend), told(backend)]), [expected, expected])
  assert.equal(await backend.getProject(normalizeName('missing')), undefined)
  assert.deepEqual(await told(backend), expected)
})
