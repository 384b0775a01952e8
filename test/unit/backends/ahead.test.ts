import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createAhead } from '#src/backends/directory/ahead.js'
import { companionTarget } from '#src/backends/directory/layout.js'
import { isOfProjects } from '#src/backends/directory/project-names.js'
import { parseFilename } from '#src/packaging/filename.js'
import { normalizeName } from '#src/packaging/name.js'

const [demo, other, third] = [normalizeName('demo'), normalizeName('other'), normalizeName('third')]

/** What was looked for, each time, and a way to end the look under way. */
function looking(): {
  readonly look: (names: readonly string[]) => Promise<void>
  readonly looks: string[][]
  readonly end: (error?: Error) => void
} {
  const looks: string[][] = []
  const ends: ((error?: Error) => void)[] = []
  const look = (names: readonly string[]): Promise<void> => {
    looks.push([...names])
    return new Promise((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())))
  }
  return { look, looks, end: (error) => ends.shift()?.(error) }
}

test('projects are looked for once that has begun, and those that are asked for meanwhile in one go', async () => {
  const { look, looks, end } = looking()
  const ahead = createAhead<string>(look)
  const first = ahead.find(demo)
  await setImmediate()
  assert.deepEqual(looks, [])
  ahead.begin('parts')
  await setImmediate()
  const others = [ahead.find(other), ahead.find(third)]
  end()
  assert.equal(await first, 'parts')
  await setImmediate()
  end()
  assert.deepEqual(await Promise.all(others), ['parts', 'parts'])
  assert.deepEqual(looks, [['demo'], ['other', 'third']])
})

test('once all names are known nothing is looked for, also for those who wait', async () => {
  const { look, looks } = looking()
  const ahead = createAhead<string>(look)
  const waiting = ahead.find(demo)
  ahead.end()
  assert.deepEqual([await waiting, await ahead.find(other), looks], [undefined, undefined, []])
})

test('a look that fails is told to who waited for it, and the next one goes on', async () => {
  const { look, end } = looking()
  const ahead = createAhead<string>(look)
  ahead.begin('parts')
  const first = ahead.find(demo)
  await setImmediate()
  const second = ahead.find(other)
  end(new Error('EIO'))
  await assert.rejects(first, /EIO/)
  await setImmediate()
  end()
  assert.equal(await second, 'parts')
})

test('files of a project are told by their names as the catalogue tells them, and so is what stands beside them', () => {
  const path = new URL('../../../../test/fixtures/packaging/filename-cases.json', import.meta.url)
  const cases = JSON.parse(readFileSync(path, 'utf8')) as readonly { readonly file: string }[]
  const names = cases.map(({ file }) => file.split('/').at(-1) ?? '')
  const odd = [
    'Demo_X-1.0.zip',
    'demo-x-1.0.tar.gz',
    'demo-1.0.zip',
    'ΑΣ-1.0.zip',
    'İx-1.0.zip',
    '-x-1.0.zip',
    'notes.txt',
  ]
  const all = [...names, ...odd].filter((name) => companionTarget(name) === undefined)
  const projects = new Set(all.flatMap((name) => parseFilename(name)?.name ?? []))
  assert.ok(projects.size > 50)
  for (const project of projects) {
    const isWanted = isOfProjects([project])
    const expected = all.filter((name) => parseFilename(name)?.name === project)
    assert.deepEqual(all.filter(isWanted), expected)
    assert.deepEqual(
      all.filter((name) => isWanted(`${name}.asc`)),
      expected,
    )
  }
})
