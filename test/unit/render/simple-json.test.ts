import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DistributionFile, ProjectSummary } from '#src/backend.js'
import { normalizeName } from '#src/packaging/name.js'
import { projectJson, projectListJson } from '#src/render/simple-json.js'
import { distributionFile, fromProjectPage, project } from './projects.js'

/** What the page of its project says of a file. */
function entry(file: DistributionFile): Record<string, unknown> {
  const { files } = JSON.parse(projectJson(project([file]), fromProjectPage)) as {
    readonly files: readonly [Record<string, unknown>]
  }
  return files[0]
}

test('a project page names its versions, each once, and its files', () => {
  const files = ['demo-1.0.zip', 'demo-1.0.tar.gz', 'demo-1.1.tar.gz'].map((name) => distributionFile(name))
  const page = JSON.parse(projectJson(project(files), fromProjectPage))
  assert.deepEqual(Object.keys(page), ['meta', 'name', 'versions', 'files'])
  assert.deepEqual(page.meta, { 'api-version': '1.4' })
  assert.equal(page.name, 'demo')
  assert.deepEqual(page.versions, ['1.0', '1.1'])
  assert.deepEqual(
    page.files.map(({ filename }: { readonly filename: string }) => filename),
    ['demo-1.0.zip', 'demo-1.0.tar.gz', 'demo-1.1.tar.gz'],
  )
})

test('keys without a value are left out', () => {
  assert.deepEqual(entry(distributionFile('demo-1.0.zip')), {
    filename: 'demo-1.0.zip',
    url: '../../packages/demo-1.0.zip',
    hashes: { sha256: 'aa' },
    size: 7,
    'upload-time': '2024-01-01T00:00:00.000Z',
  })
})

test('a file tells its Python versions, metadata and signature', () => {
  const file = distributionFile('demo-1.0.zip', {
    requiresPython: '>=3.8',
    coreMetadata: { sha256: 'bb' },
    hasSignature: true,
  })
  const { 'requires-python': requiresPython, 'core-metadata': coreMetadata, 'gpg-sig': signature } = entry(file)
  assert.deepEqual([requiresPython, coreMetadata, signature], ['>=3.8', { sha256: 'bb' }, true])
})

test('metadata is not announced under the older key', () => {
  assert.equal('dist-info-metadata' in entry(distributionFile('demo-1.0.zip', { coreMetadata: {} })), false)
})

for (const [what, yanked, value] of [
  ['with a reason tells it', { reason: 'breaks "everything"' }, 'breaks "everything"'],
  ['without a reason is yanked', {}, true],
  ['with an empty reason is yanked', { reason: '' }, true],
] as const)
  test(`a file that was yanked ${what}`, () => {
    assert.equal(entry(distributionFile('demo-1.0.zip', { yanked }))['yanked'], value)
  })

test('a file that is still being hashed has an empty list of digests', () => {
  assert.deepEqual(entry(distributionFile('demo-1.0.zip', { hashes: {} }))['hashes'], {})
})

test('sha256 is the first digest wherever it was, and the others keep their order', () => {
  const hashes = { sha512: 'cc', md5: 'bb', sha256: 'aa' }
  const page = projectJson(project([distributionFile('demo-1.0.zip', { hashes })]), fromProjectPage)
  assert.ok(page.includes('"hashes":{"sha256":"aa","sha512":"cc","md5":"bb"}'), page)
})

test('digests other than sha256 do without it', () => {
  assert.deepEqual(entry(distributionFile('demo-1.0.zip', { hashes: { md5: 'bb' } }))['hashes'], { md5: 'bb' })
})

test('the address of a file is encoded and has no fragment, its name is as it is', () => {
  const file = distributionFile('javascript:alert(1)-1.0.tar.gz', { path: `a b/javascript:alert(1)"'<&+#-1.0.tar.gz` })
  const { url, filename } = entry(file)
  assert.equal(url, "../../packages/a%20b/javascript%3Aalert(1)%22'%3C%26%2B%23-1.0.tar.gz")
  assert.equal(filename, 'javascript:alert(1)-1.0.tar.gz')
})

for (const status of [{ status: 'archived' }, { status: 'quarantined', reason: 'looks bad' }] as const)
  test(`the status ${JSON.stringify(status)} of a project is told`, () => {
    const page = JSON.parse(projectJson(project([], { status }), fromProjectPage))
    assert.deepEqual(page['project-status'], status)
  })

function projectList(projects: readonly ProjectSummary[], serial?: number): unknown {
  return JSON.parse([...projectListJson(projects, serial)].join(''))
}

test('the project list names every project', () => {
  const projects = ['demo', '<b>"'].map((name) => ({ name: normalizeName(name) }))
  assert.deepEqual(projectList(projects), {
    meta: { 'api-version': '1.4' },
    projects: [{ name: 'demo' }, { name: '<b>"' }],
  })
})

test('serials are told where there are some: of the index, and of each project', () => {
  const page = projectList([{ name: normalizeName('demo'), serial: 7 }], 9)
  assert.deepEqual(page, {
    meta: { 'api-version': '1.4', '_last-serial': 9 },
    projects: [{ name: 'demo', '_last-serial': 7 }],
  })
  const { meta } = JSON.parse(projectJson(project([], { serial: 7 }), fromProjectPage))
  assert.deepEqual(meta, { 'api-version': '1.4', '_last-serial': 7 })
})

test('a long list has every project once, in order', () => {
  const projects = Array.from({ length: 2001 }, (_, index) => ({ name: normalizeName(`p${index}`), serial: index }))
  const entries = projects.map(({ name, serial }) => ({ name, '_last-serial': serial }))
  assert.deepEqual(projectList(projects), { meta: { 'api-version': '1.4' }, projects: entries })
})

test('an empty index has an empty list', () => {
  assert.deepEqual(projectList([]), { meta: { 'api-version': '1.4' }, projects: [] })
})
