import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Catalogue,
  type CatalogueNote,
  createCatalogue,
  type Inspection,
} from '#src/backends/directory/catalogue.js'
import { createEntryWriter } from '#src/backends/directory/file-entry.js'
import { type FileState, fileState } from '#src/backends/directory/layout.js'
import { normalizeName } from '#src/packaging/name.js'

const demo = normalizeName('demo')
const stat = (ino: number): Parameters<typeof fileState>[0] => ({
  ino: BigInt(ino),
  size: 10n,
  mtimeNs: -1_000_000n,
  ctimeNs: 2n ** 62n + 1n,
})
const state = (ino: number): FileState => fileState(stat(ino))

function entries(...files: readonly (readonly [name: string, ino: number])[]): Uint32Array {
  const writer = createEntryWriter(files.length)
  for (const [name, ino] of files) writer.add(name, stat(ino))
  return writer.take()
}

const paths = (catalogue: Catalogue, project = demo): readonly string[] =>
  catalogue
    .filesOf(project)
    .map(({ root, path }) => `${root}/${path}`)
    .sort()

test('what goes into the catalogue comes out as it was', () => {
  const catalogue = createCatalogue(['sha256', 'sha512'])
  catalogue.update(0, 'über/Demo-1.0.zip', state(7))
  const [file] = catalogue.filesOf(demo)
  assert.ok(file)
  const inspection: Inspection = {
    state: 'complete',
    metadataSha256: 'ab'.repeat(32),
    requiresPython: '>=3.8',
    hashes: { sha256: 'cd'.repeat(32), sha512: 'ef'.repeat(64) },
  }
  assert.deepEqual(catalogue.note(file, { inspection, problem: 'EIO', isHeld: true }), {
    id: file.id,
    root: 0,
    path: 'über/Demo-1.0.zip',
    filename: 'Demo-1.0.zip',
    project: 'demo',
    version: '1.0',
    format: 'sdist',
    state: state(7),
    inspection,
    problem: 'EIO',
    isHeld: true,
    isUnverified: false,
  })
})

test('a file with new bytes has nothing of what was known of the old ones', () => {
  const catalogue = createCatalogue()
  catalogue.update(0, 'demo-1.0.zip', state(1))
  const [old] = catalogue.filesOf(demo)
  assert.ok(old)
  const inspection: Inspection = { state: 'complete', hashes: { sha256: '00'.repeat(32) } }
  catalogue.note(old, { inspection, problem: 'EIO' })
  catalogue.update(0, 'demo-1.0.zip', state(2))
  const [file] = catalogue.filesOf(demo)
  assert.deepEqual([file?.inspection, file?.problem, file?.state], [undefined, undefined, state(2)])
  assert.equal(catalogue.current(old), undefined)
  assert.equal(catalogue.note(old, { inspection }), undefined)
  assert.equal(catalogue.filesOf(demo)[0]?.inspection, undefined)
})

test('a read of a folder brings what is new, and takes away what it did not see, in that folder only', () => {
  const catalogue = createCatalogue()
  catalogue.update(0, 'a/demo-1.0.zip', state(1))
  catalogue.update(0, 'a/demo-2.0.zip', state(2))
  catalogue.update(0, 'b/demo-3.0.zip', state(3))
  const read = catalogue.beginRead(0, 'a')
  assert.deepEqual(
    read.take(entries(['demo-2.0.zip', 2], ['demo-4.0.zip', 4])).map(({ id = 0 }) => catalogue.byId(id)?.path),
    ['a/demo-4.0.zip'],
  )
  catalogue.update(0, 'a/demo-5.0.zip', state(5))
  assert.deepEqual(read.removeUnseen(10), [{ project: 'demo' }])
  assert.equal(read.removeUnseen(10), undefined)
  assert.deepEqual(paths(catalogue), ['0/a/demo-2.0.zip', '0/a/demo-4.0.zip', '0/a/demo-5.0.zip', '0/b/demo-3.0.zip'])
})

test('what an earlier read did not see, and a later one did, stays', () => {
  const catalogue = createCatalogue()
  const earlier = catalogue.beginRead(0, '')
  catalogue.beginRead(0, '').take(entries(['demo-1.0.zip', 1]))
  assert.equal(earlier.removeUnseen(10), undefined)
  assert.deepEqual(paths(catalogue), ['0/demo-1.0.zip'])
})

test('of equal paths the first root that shows one counts, and names are found in any letter case', () => {
  const catalogue = createCatalogue()
  for (const root of [2, 0, 1]) catalogue.update(root, 'a/Demo-1.0.zip', state(root))
  assert.deepEqual(paths(catalogue), ['0/a/Demo-1.0.zip'])
  assert.deepEqual(
    catalogue
      .named('DEMO-1.0.ZIP')
      .map(({ root }) => root)
      .sort(),
    [0, 1, 2],
  )
  const first = catalogue.atPath('a/Demo-1.0.zip')
  assert.ok(first)
  catalogue.note(first, { isHeld: true })
  assert.equal(catalogue.atPath('a/Demo-1.0.zip')?.root, 1)
  assert.deepEqual(paths(catalogue), ['1/a/Demo-1.0.zip'])
})

test('after thousands of changes the catalogue holds what a plain map holds', () => {
  const catalogue = createCatalogue()
  const model = new Map<string, number>()
  let seed = 1
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) % below
  }
  for (let round = 0; round < 30_000; round += 1) {
    const path = `f${random(3)}/p${random(40)}-1.${random(40)}${'0'.repeat(random(9))}.zip`
    if (random(3) === 0) {
      model.delete(path)
      catalogue.update(0, path, undefined)
    } else {
      model.set(path, round)
      catalogue.update(0, path, state(round))
    }
  }
  const found = [...catalogue.projects()].flatMap(({ name }) => catalogue.filesOf(name))
  assert.equal(catalogue.count(), model.size)
  assert.deepEqual(
    found.map(({ path, state: { identity } }) => [path, identity]).sort(),
    [...model].map(([path, ino]) => [path, state(ino).identity]).sort(),
  )
  for (const path of model.keys()) assert.equal(catalogue.atPath(path)?.path, path)
})

test('files that come and go without end take no more memory', () => {
  const catalogue = createCatalogue()
  const turn = (from: number): void => {
    for (let at = from; at < from + 5000; at += 1) catalogue.update(0, `demo-1.${at}.zip`, state(at))
    for (let at = from; at < from + 5000; at += 1) catalogue.update(0, `demo-1.${at}.zip`, undefined)
  }
  turn(10_000)
  const before = process.memoryUsage().arrayBuffers
  for (let round = 2; round < 10; round += 1) turn(round * 10_000)
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000)
  assert.equal(catalogue.count(), 0)
})

test('a companion tells of the project that it belongs to, whichever came first', () => {
  const catalogue = createCatalogue()
  assert.equal(catalogue.update(0, 'demo-1.0.zip.asc', state(1)), undefined)
  catalogue.update(0, 'demo-1.0.zip', state(2))
  const file = { root: 0, path: 'demo-1.0.zip' }
  assert.equal(catalogue.hasCompanion(file, 'signature'), true)
  assert.deepEqual(catalogue.update(0, 'demo-1.0.zip.asc', undefined), { project: 'demo' })
  assert.equal(catalogue.hasCompanion(file, 'signature'), false)
})

test('whatever changes the listed projects changes the count of changes, and what is as it was does not', () => {
  const catalogue = createCatalogue()
  const noteFirst = (note: CatalogueNote) => (): void => {
    const [file] = catalogue.named('demo-1.0.zip')
    assert.ok(file && catalogue.note(file, note))
  }
  const steps: readonly (readonly [what: string, change: () => void, isListed: boolean])[] = [
    ['a file comes', () => catalogue.update(0, 'demo-1.0.zip', state(1)), true],
    ['it is seen again', () => catalogue.update(0, 'demo-1.0.zip', state(1)), false],
    ['a signature comes', () => catalogue.update(0, 'demo-1.0.zip.asc', state(2)), false],
    ['it is hashed', noteFirst({ inspection: { state: 'complete', hashes: { sha256: 'ab'.repeat(32) } } }), false],
    ['it is held', noteFirst({ isHeld: true }), true],
    ['it is no longer held', noteFirst({ isHeld: false }), true],
    ['it turns out to be cut off', noteFirst({ inspection: { state: 'truncated' } }), true],
    ['it gets other bytes', () => catalogue.update(0, 'demo-1.0.zip', state(3)), true],
    ['another one is read out of a folder', () => catalogue.beginRead(0, 'sub').take(entries(['x-1.zip', 4])), true],
    ['a name is told', () => catalogue.addNames(0, 'other', entries(['y-1.zip', 5])), true],
    ['a file is gone', () => catalogue.update(0, 'demo-1.0.zip', undefined), true],
    ['a folder is empty', () => void catalogue.beginRead(0, 'sub').removeUnseen(10), true],
  ]
  for (const [what, change, isListed] of steps) {
    const [projects, count] = [[...catalogue.projects()], catalogue.shownChanges()]
    change()
    assert.equal(catalogue.shownChanges() !== count, isListed, what)
    if (isListed) assert.notDeepEqual([...catalogue.projects()], projects, what)
    else assert.deepEqual([...catalogue.projects()], projects, what)
  }
})

test('what is taken over from a snapshot changes the count of changes', () => {
  const from = createCatalogue()
  from.update(0, 'demo-1.0.zip', state(1))
  const into = createCatalogue()
  for (const chunk of from.pack()) if (chunk !== undefined) into.adopt(chunk, from.tables())
  assert.deepEqual([...into.projects()], [...from.projects()])
  assert.notEqual(into.shownChanges(), createCatalogue().shownChanges())
})
