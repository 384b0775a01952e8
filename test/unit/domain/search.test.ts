import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DistributionFile, NormalizedName } from '#src/backend.js'
import { type SearchedIndex, type SearchQuery, searchProjects } from '#src/domain/search.js'
import { parseFilename } from '#src/packaging/filename.js'

/** An index of these files, in the order in which a project's page has them, and the projects that were read. */
function indexOf(filenames: readonly string[]): { readonly index: SearchedIndex; readonly read: string[] } {
  const files = filenames.map((spec): DistributionFile => {
    const [filename = '', isYanked] = spec.split(' ')
    const parsed = parseFilename(filename)
    assert.ok(parsed)
    const { name: project, version } = parsed
    const yanked = isYanked === 'yanked' ? { yanked: {} } : {}
    return { ...parsed, project, version, path: filename, size: 1, hashes: {}, uploadTimeMs: 0, ...yanked }
  })
  const read: string[] = []
  const index: SearchedIndex = {
    names: async () => [...new Set(files.map(({ project }) => project))].sort(),
    project: async (name) => {
      read.push(name)
      return { name, revision: '1', files: files.filter(({ project }) => project === name) }
    },
  }
  return { index, read }
}

async function found(filenames: readonly string[], query: Partial<SearchQuery>): Promise<readonly string[]> {
  const hits = await searchProjects(indexOf(filenames).index, { name: [], summary: [], operator: 'and', ...query })
  return hits.map(({ name, version }) => `${name} ${version}`)
}

const several = ['Foo.Bar_baz-1.0.zip', 'foo-1.0.zip', 'other-1.0.zip', 'z-foo-1.0.zip']

test('a term is found within a name in any case and spelling', async () => {
  for (const term of ['bar-baz', 'BAR.BAZ', 'o__bar', ' Bar_Baz ']) {
    assert.deepEqual(await found(several, { name: [term] }), ['Foo.Bar_baz 1.0'], term)
  }
})

test('a project that is called just like the term comes first, the others in order of their names', async () => {
  const names = ['a-foo-1.0.zip', 'Foo-1.0.zip', 'foo-b-1.0.zip', 'FOO-A-1.0.zip']
  assert.deepEqual(await found(names, { name: ['foo'] }), ['Foo 1.0', 'a-foo 1.0', 'FOO-A 1.0', 'foo-b 1.0'])
})

test('a list of terms wants any of them', async () => {
  assert.deepEqual(await found(several, { name: ['other', 'z'] }), ['other 1.0', 'Foo.Bar_baz 1.0', 'z-foo 1.0'])
})

test('terms for name and summary are both wanted, or either of them with or', async () => {
  const query = { name: ['foo'], summary: ['bar', 'other'] }
  assert.deepEqual(await found(several, { ...query, operator: 'and' }), ['Foo.Bar_baz 1.0'])
  const all = ['foo 1.0', 'other 1.0', 'Foo.Bar_baz 1.0', 'z-foo 1.0']
  assert.deepEqual(await found(several, { ...query, operator: 'or' }), all)
})

test('nothing is found without a term', async () => {
  assert.deepEqual(await found(several, {}), [])
  assert.deepEqual(await found(several, { name: ['', ' '] }), [])
})

test('a final release is newer than any pre-release', async () => {
  const files = ['a-1.0rc1.zip', 'a-1.0.zip', 'a-2.0.dev1.zip', 'a-2.0b1.zip']
  assert.deepEqual(await found(files, { name: ['a'] }), ['a 1.0'])
  assert.deepEqual(await found(['a-0.9.dev1.zip', 'a-1.0rc1.zip'], { name: ['a'] }), ['a 1.0rc1'])
})

test('a pre-release is newer than text that is no version', async () => {
  assert.deepEqual(await found(['a.zip', 'a-1.x.zip', 'a-1.0rc1.zip'], { name: ['a'] }), ['a 1.0rc1'])
})

test('a yanked release counts only where all are yanked', async () => {
  assert.deepEqual(await found(['a-1.0.zip', 'a-2.0.zip yanked'], { name: ['a'] }), ['a 1.0'])
  assert.deepEqual(await found(['a-1.0.zip yanked', 'a-2.0.zip yanked'], { name: ['a'] }), ['a 2.0'])
})

test('the name is spelled as the newest file spells it, the summary is its version', async () => {
  const { index } = indexOf(['Foo-Bar-1.0.zip', 'foo_bar-1.1.tar.gz'])
  const hits = await searchProjects(index, { name: ['foo'], summary: [], operator: 'or' })
  assert.deepEqual(hits, [{ name: 'foo_bar', version: '1.1', summary: '1.1' }])
})

test('only the projects that are shown are read', async () => {
  const { index, read } = indexOf(several)
  const hits = await searchProjects(index, { name: ['foo'], summary: [], operator: 'and' }, { maxHits: 2 })
  assert.deepEqual(
    hits.map(({ name }) => name),
    ['foo', 'Foo.Bar_baz'],
  )
  assert.deepEqual(read, ['foo', 'foo-bar-baz'])
})

test('at most a thousand projects are found', async () => {
  const { index } = indexOf(Array.from({ length: 1001 }, (_, number) => `a${number}-1.0.zip`))
  const hits = await searchProjects(index, { name: ['a'], summary: [], operator: 'and' })
  assert.equal(hits.length, 1000)
})

test('a project that has gone since it was listed is left out', async () => {
  const { index } = indexOf(['a-1.0.zip'])
  const gone: SearchedIndex = { ...index, names: async () => ['a', 'ab'] as NormalizedName[] }
  const stale: SearchedIndex = { ...gone, project: async (name) => (name === 'ab' ? undefined : index.project(name)) }
  for (const changing of [gone, stale]) {
    const hits = await searchProjects(changing, { name: ['a'], summary: [], operator: 'and' })
    assert.deepEqual(
      hits.map(({ name }) => name),
      ['a'],
    )
  }
})
