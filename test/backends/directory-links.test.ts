import assert from 'node:assert/strict'
import { linkSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { directory, normalizeName } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { temporaryDirectory } from '../helpers/temporary.js'

test('a file whose other name goes while it is looked into is listed with digest and metadata', async (t) => {
  const root = temporaryDirectory(t)
  // As uploads have it that were killed after they took their name, and those of other processes at that moment.
  const other = join(root, '.pypi-server', 'spool')
  mkdirSync(other, { recursive: true })
  const names = Array.from({ length: 60 }, (_, index) => {
    const { filename, bytes } = wheel({ name: 'demo', version: `1.${index}`, files: { payload: 'x'.repeat(200_000) } })
    writeFileSync(join(root, filename), bytes)
    linkSync(join(root, filename), join(other, filename))
    return filename
  })
  const backend = directory(root)
  t.after(() => backend.close?.())
  const asking = backend.getProject(normalizeName('demo'))
  for (const name of names) {
    // Spread over the time that it takes to look into all of them.
    await setTimeout(3)
    unlinkSync(join(other, name))
  }
  const files = (await asking)?.files ?? []
  assert.deepEqual(
    files.filter(({ hashes, coreMetadata }) => hashes['sha256'] === undefined || !coreMetadata).map(({ path }) => path),
    [],
  )
})

test('a file whose other names come and go is found all the time', async (t) => {
  const root = temporaryDirectory(t)
  const { filename, bytes } = wheel({ name: 'demo', version: '1.0', files: { payload: 'x'.repeat(200_000) } })
  const [path, other] = [join(root, filename), join(root, '.other')]
  writeFileSync(path, bytes)
  const backend = directory(root)
  t.after(() => backend.close?.())
  assert.ok(await backend.findFile(filename))
  let asked = 0
  for (let round = 0; round < 10; round += 1) {
    if (round % 2 === 0) linkSync(path, other)
    else unlinkSync(other)
    const endMs = performance.now() + 60
    while (performance.now() < endMs) {
      asked += 1
      assert.ok(await backend.findFile(filename), `round ${round}, question ${asked}`)
      await setImmediate()
    }
  }
})
