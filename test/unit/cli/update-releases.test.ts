import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newerRelease, type ProjectPage, parseProjectPage, releasesOf } from '#src/cli/update-releases.js'
import { normalizeName } from '#src/packaging/name.js'

const name = normalizeName('demo')

/** A page with one wheel for each version; a version that begins with `~` is yanked. */
function page(...versions: readonly string[]): ProjectPage {
  const files = versions.map((version) => ({
    filename: `demo-${version.replace('~', '')}-py3-none-any.whl`,
    isYanked: version.startsWith('~'),
  }))
  return { versions: versions.map((version) => version.replace('~', '')), files }
}

test('the newest release is the greatest by PEP 440, not by letters or place', () => {
  assert.equal(newerRelease(page('1.10', '1.9', '1.2'), { name, version: '1.2' }, 'stable'), '1.10')
})

for (const [local, remote, found] of [
  ['1.0', '1.0.post1', '1.0.post1'],
  ['2024.1', '1!1.0', '1!1.0'],
  ['1.0', '1.0+cu121', '1.0+cu121'],
  ['1.0+cu121', '1.0', undefined],
  ['1.0', '1.0.0', undefined],
  ['1.0rc1', '1.0', '1.0'],
  ['2.0', '1.9', undefined],
  ['1.0', '1.0-alpha.1', undefined],
  ['1.0', 'nonsense', undefined],
] as const) {
  test(`with ${local} here and ${remote} there, ${found ?? 'nothing'} is proposed`, () => {
    const files = [{ filename: `demo-${remote}.tar.gz`, isYanked: false }]
    assert.equal(newerRelease({ versions: [remote], files }, { name, version: local }, 'stable'), found)
  })
}

test('pre-releases and development releases count only when unstable ones are wanted', () => {
  const releases = page('1.1', '2.0rc1', '3.0.dev1')
  assert.equal(newerRelease(releases, { name, version: '1.0' }, 'stable'), '1.1')
  assert.equal(newerRelease(releases, { name, version: '1.0' }, 'unstable'), '3.0.dev1')
})

test('a release whose files are all yanked is not proposed, one with a file left is', () => {
  assert.equal(newerRelease(page('1.1', '~1.2'), { name, version: '1.0' }, 'stable'), '1.1')
  const mixed = { filename: 'demo-1.2.0.tar.gz', isYanked: false }
  const { versions = [], files } = page('1.1', '~1.2')
  assert.equal(newerRelease({ versions, files: [...files, mixed] }, { name, version: '1.0' }, 'stable'), '1.2')
})

test('a release without files is not proposed, since pip could not fetch it', () => {
  assert.equal(newerRelease({ versions: ['2.0'], files: [] }, { name, version: '1.0' }, 'stable'), undefined)
})

test('without a list of versions they are taken from the file names of the project', () => {
  const { files } = page('1.0', '1.1')
  const foreign = { filename: 'other-9.0.tar.gz', isYanked: false }
  assert.deepEqual(releasesOf({ files: [...files, foreign] }, name), ['1.0', '1.1'])
  assert.equal(newerRelease({ files: [...files, foreign] }, { name, version: '1.0' }, 'stable'), '1.1')
})

test('a page may mark a file as yanked with true or with a reason', () => {
  const files = [
    { filename: 'a', yanked: true },
    { filename: 'b', yanked: 'broken' },
    { filename: 'c', yanked: false },
    { filename: 'd' },
    { url: 'nameless' },
    null,
  ]
  assert.deepEqual(parseProjectPage(JSON.stringify({ meta: { 'api-version': '1.1' }, versions: ['1', 2], files })), {
    versions: ['1'],
    files: [
      { filename: 'a', isYanked: true },
      { filename: 'b', isYanked: true },
      { filename: 'c', isYanked: false },
      { filename: 'd', isYanked: false },
    ],
  })
})

for (const text of ['', '{"files":', 'null', '[]', '{"files":{}}', '{"meta":{"api-version":"2.0"},"files":[]}']) {
  test(`${text === '' ? 'an empty answer' : text} is refused as a page`, () => {
    assert.throws(() => parseProjectPage(text), { code: 'ERR_PYPI_STORE_UNAVAILABLE' })
  })
}
