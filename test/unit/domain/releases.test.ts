import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DistributionFile } from '#src/backend.js'
import type { ProjectIndex } from '#src/domain/project-index.js'
import {
  findRelease,
  firstPublished,
  latestRelease,
  newestFirst,
  newestOfIndex,
  releasesOf,
} from '#src/domain/releases.js'
import { listed } from './release-files.js'

const versionsOf = (names: readonly string[]) => releasesOf(names.map((name) => listed(name))).map((r) => r.version)
const yanked = {}

test('files whose versions are equal are one release, in whatever spelling', () => {
  const releases = releasesOf([listed('demo-1.0.tar.gz'), listed('demo-1.0.0-py3-none-any.whl'), listed('demo-2.zip')])
  assert.deepEqual(
    releases.map(({ version, files }) => [version, files.length]),
    [
      ['1.0', 2],
      ['2', 1],
    ],
  )
})

test('the version of a release is in normal form, and other text than versions stays', () => {
  assert.deepEqual(versionsOf(['demo-0.5-branch-2013.tar.gz', 'demo-1.0-alpha1.tar.gz']), ['0.5-branch-2013', '1.0a1'])
})

test('a file without a version is of no release', () => {
  assert.deepEqual(versionsOf(['demo.tar.gz']), [])
})

test('a release is as old as the earliest of its files', () => {
  const files = [listed('demo-1.zip', { uploadTimeMs: 7 }), listed('demo-1.tar.gz', { uploadTimeMs: 5 })]
  assert.deepEqual(
    releasesOf(files).map(({ publishedMs }) => publishedMs),
    [5],
  )
})

test('a release is yanked only when every file is', () => {
  const [half] = releasesOf([listed('demo-1.zip', { yanked }), listed('demo-1.tar.gz')])
  const [whole] = releasesOf([listed('demo-1.zip', { yanked }), listed('demo-1.tar.gz', { yanked: { reason: 'bad' } })])
  assert.deepEqual([half?.yanked, whole?.yanked], [undefined, { reason: 'bad' }])
})

test('a release is found by any spelling of its version', () => {
  const releases = releasesOf([listed('demo-1.0+local.1.zip')])
  assert.equal(findRelease(releases, 'v1+LOCAL_1'), releases[0])
  assert.equal(findRelease(releases, '1.0'), undefined)
})

for (const [title, files, expected] of [
  ['a final release before a later pre-release', [listed('d-1.0.zip'), listed('d-1.1rc1.zip')], '1.0'],
  ['a pre-release where no other release is', [listed('d-1.0a1.zip'), listed('d-1.0b1.zip')], '1.0b1'],
  ['a pre-release before a yanked final one', [listed('d-1.0rc1.zip'), listed('d-1.0.zip', { yanked })], '1.0rc1'],
  ['the highest where all are yanked', [listed('d-1.0.zip', { yanked }), listed('d-1.1.zip', { yanked })], '1.1'],
  ['a pre-release before what is no version', [listed('d-0.5-branch-2013.zip'), listed('d-1.0rc1.zip')], '1.0rc1'],
  ['what is no version where nothing else is', [listed('d-0.5-branch-2013.zip')], '0.5-branch-2013'],
] as const) {
  test(`the latest release is ${title}`, () => {
    assert.equal(latestRelease(releasesOf(files))?.version, expected)
  })
}

test('a project without releases has no latest one and no first one', () => {
  assert.equal(latestRelease([]), undefined)
  assert.deepEqual(firstPublished([]), [])
})

test('the newest releases come first, by date and not by version, up to the limit', () => {
  const releases = releasesOf([
    listed('demo-1.zip', { uploadTimeMs: 3 }),
    listed('demo-2.zip', { uploadTimeMs: 1 }),
    listed('demo-3.zip', { uploadTimeMs: 2 }),
  ])
  assert.deepEqual(
    newestFirst(releases, 2).map(({ version }) => version),
    ['1', '3'],
  )
  assert.deepEqual(
    firstPublished(releases).map(({ version }) => version),
    ['2'],
  )
})

/** An index of these projects, which notes how many of them were read. */
function indexOf(projects: readonly (readonly DistributionFile[])[]) {
  const counter = { read: 0 }
  const unused = () => Promise.reject(new Error('not needed here'))
  const index: ProjectIndex = {
    names: unused,
    summaries: unused,
    project: unused,
    file: unused,
    fileCount: unused,
    files: async function* () {
      for (const files of projects) {
        counter.read += 1
        yield files
      }
    },
  }
  return { index, counter }
}

test('the newest releases of an index are found whatever project they are of', async () => {
  const { index } = indexOf([
    [listed('a-1.zip', { uploadTimeMs: 3 }), listed('a-2.zip', { uploadTimeMs: 1 })],
    [],
    [listed('b-1.zip', { uploadTimeMs: 2 })],
  ])
  const newest = await newestOfIndex(index, (releases) => releases, { limit: 2 })
  assert.deepEqual(
    newest.map(({ project, version }) => `${project} ${version}`),
    ['a 1', 'b 1'],
  )
})

test('other work gets its turn while an index is read, and may end it', async () => {
  const { index, counter } = indexOf(Array.from({ length: 1000 }, () => []))
  const leaving = new AbortController()
  const reading = newestOfIndex(index, firstPublished, { limit: 1, signal: leaving.signal })
  setImmediate(() => leaving.abort(new Error('gone')))
  await assert.rejects(reading, /gone/)
  assert.ok(counter.read < 1000, `${counter.read} projects were read`)
})
