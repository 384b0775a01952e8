import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type BuiltArchive, sdist, wheel } from '../helpers/archives.js'
import { basic, serveIndex, uploadForm } from '../helpers/index-server.js'

interface Page {
  readonly info: Readonly<Record<string, unknown>>
  readonly releases?: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>
  readonly urls: readonly Readonly<Record<string, unknown>>[]
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function put(root: string, ...files: readonly BuiltArchive[]): void {
  for (const { filename, bytes } of files) writeFileSync(join(root, filename), bytes)
}

const metadata = `Metadata-Version: 2.4
Name: My.Demo
Version: 1.1
Summary: A demo
Home-page: https://demo.example/
Download-URL: https://demo.example/get
Author: Ann
Author-email: ann@demo.example
Maintainer: Max
Maintainer-email: max@demo.example
Keywords: one,two
License-Expression: MIT
License-File: LICENSE
Platform: any
Classifier: Programming Language :: Python :: 3
Classifier: Typing :: Typed
Project-URL: Source, https://demo.example/source?a,b
Requires-Python: >=3.9
Requires-Dist: x>=1
Requires-Dist: y; extra == "more"
Provides-Extra: more
Dynamic: license-file
Description-Content-Type: text/markdown

# Demo & more
`

test('/pypi/<project>/json tells everything about the latest release, and lists all releases', async (t) => {
  const { root, request, url } = await serveIndex(t)
  const latest = wheel({ name: 'my-demo', version: '1.1', metadata })
  const later = wheel({ name: 'my-demo', version: '2.0rc1' })
  put(root, latest, later)
  for (const { filename } of [latest, later]) utimesSync(join(root, filename), 1_700_000_000.5, 1_700_000_000.5)
  const response = await request('/pypi/my-demo/json')
  assert.deepEqual(
    ['content-type', 'cache-control'].map((name) => response.headers.get(name)),
    ['application/json', 'public, no-cache'],
  )
  const serial = Number(response.headers.get('x-pypi-last-serial'))
  assert.ok(serial > 0)
  const entry = (file: BuiltArchive, requiresPython: string | null) => ({
    comment_text: '',
    'core-metadata': { sha256: sha256(file.metadata) },
    digests: { sha256: sha256(file.bytes) },
    downloads: -1,
    filename: file.filename,
    has_sig: false,
    packagetype: 'bdist_wheel',
    python_version: 'py3',
    requires_python: requiresPython,
    size: file.bytes.length,
    upload_time: '2023-11-14T22:13:20',
    upload_time_iso_8601: '2023-11-14T22:13:20.500000Z',
    url: `${url}packages/${file.filename}`,
    yanked: false,
    yanked_reason: null,
  })
  assert.deepEqual(await response.json(), {
    info: {
      author: 'Ann',
      author_email: 'ann@demo.example',
      bugtrack_url: null,
      classifiers: ['Programming Language :: Python :: 3', 'Typing :: Typed'],
      description: '# Demo & more\n',
      description_content_type: 'text/markdown',
      docs_url: null,
      download_url: 'https://demo.example/get',
      downloads: { last_day: -1, last_month: -1, last_week: -1 },
      dynamic: ['license-file'],
      home_page: 'https://demo.example/',
      keywords: 'one,two',
      license: null,
      license_expression: 'MIT',
      license_files: ['LICENSE'],
      maintainer: 'Max',
      maintainer_email: 'max@demo.example',
      name: 'My.Demo',
      package_url: `${url}simple/my-demo/`,
      platform: 'any',
      project_url: `${url}simple/my-demo/`,
      project_urls: {
        Homepage: 'https://demo.example/',
        Download: 'https://demo.example/get',
        Source: 'https://demo.example/source?a,b',
      },
      provides_extra: ['more'],
      release_url: `${url}simple/my-demo/`,
      requires_dist: ['x>=1', 'y; extra == "more"'],
      requires_python: '>=3.9',
      summary: 'A demo',
      version: '1.1',
      yanked: false,
      yanked_reason: null,
    },
    last_serial: serial,
    ownership: { roles: [], organization: null },
    releases: { '1.1': [entry(latest, '>=3.9')], '2.0rc1': [entry(later, null)] },
    urls: [entry(latest, '>=3.9')],
    vulnerabilities: [],
  })
})

test('/pypi/<project>/<version>/json tells of that version only, whatever its spelling', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, wheel({ name: 'demo', version: '1.0' }), sdist({ name: 'demo', version: '1.0.0' }))
  put(root, wheel({ name: 'demo', version: '2.0' }))
  const page = (await (await request('/pypi/demo/v1/json')).json()) as Page
  assert.deepEqual(
    page.urls.map(({ filename, packagetype }) => [filename, packagetype]),
    [
      ['demo-1.0-py3-none-any.whl', 'bdist_wheel'],
      ['demo-1.0.0.tar.gz', 'sdist'],
    ],
  )
  assert.deepEqual([page.info['version'], 'releases' in page], ['1.0', false])
})

test('a local version is found with its plus sign encoded and bare', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, wheel({ name: 'demo', version: '1.0+cu121' }))
  for (const path of ['/pypi/demo/1.0%2Bcu121/json', '/pypi/demo/1.0+cu121/json']) {
    const page = (await (await request(path)).json()) as Page
    assert.equal(page.info['version'], '1.0+cu121')
    assert.match(String(page.urls[0]?.['url']), /\/packages\/demo-1\.0%2Bcu121-py3-none-any\.whl$/)
  }
})

test('an sdist describes a release that has no wheel', async (t) => {
  const { root, request } = await serveIndex(t)
  const metadata = 'Metadata-Version: 2.2\nName: Demo\nVersion: 1.0\nSummary: From PKG-INFO\n'
  put(root, sdist({ name: 'demo', version: '1.0', metadata }))
  const page = (await (await request('/pypi/demo/json')).json()) as Page
  assert.deepEqual([page.info['name'], page.info['summary']], ['Demo', 'From PKG-INFO'])
  assert.equal(page.urls[0]?.['core-metadata'], false)
})

test('a release without readable metadata is described by what its file names say', async (t) => {
  const { root, request } = await serveIndex(t)
  writeFileSync(join(root, 'demo-1.0.win32-py2.7.exe'), 'MZ')
  const { info, urls } = (await (await request('/pypi/demo/json')).json()) as Page
  assert.deepEqual(
    [info['name'], info['version'], info['summary'], info['requires_dist'], urls[0]?.['packagetype']],
    ['demo', '1.0', '', null, 'bdist_wininst'],
  )
})

test('a file that is uploaded shows in the JSON API at once, with the metadata of its release', async (t) => {
  const { root, request, post } = await serveIndex(t)
  put(root, wheel({ name: 'demo', version: '1.0', metadata: 'Name: demo\nVersion: 1.0\nSummary: first\n' }))
  const before = (await (await request('/pypi/demo/json')).json()) as Page
  const next = wheel({ name: 'demo', version: '1.1', metadata: 'Name: demo\nVersion: 1.1\nSummary: second\n' })
  assert.equal((await post(uploadForm(next))).status, 200)
  const after = (await (await request('/pypi/demo/json')).json()) as Page
  assert.deepEqual([before.info['summary'], after.info['summary']], ['first', 'second'])
  assert.deepEqual(Object.keys(after.releases ?? {}), ['1.0', '1.1'])
})

test('who has the page gets 304 until it changes', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, wheel({ name: 'demo', version: '1.0' }))
  const etag = (await request('/pypi/demo/json')).headers.get('etag') ?? ''
  assert.match(etag, /^"[\w-]{32}"$/)
  const again = await request('/pypi/demo/json', { headers: { 'if-none-match': etag } })
  assert.deepEqual([again.status, again.headers.get('etag')], [304, etag])
  const other = await request('/pypi/demo/1.0/json', { headers: { 'if-none-match': etag } })
  assert.equal(other.status, 200)
})

for (const [path, target] of [
  ['/pypi/My_Demo/json', '/pypi/my-demo/json'],
  ['/pypi/my-demo/json/', '/pypi/my-demo/json'],
  ['/pypi/My_Demo/json/', '/pypi/my-demo/json'],
  ['/pypi/My_Demo/1.0%2Bx/json', '/pypi/my-demo/1.0%2Bx/json'],
  ['/pypi/my-demo/1.0/json/', '/pypi/my-demo/1.0/json'],
] as const) {
  test(`${path} leads to ${target} by a relative redirect`, async (t) => {
    const { request, url } = await serveIndex(t)
    const response = await request(path)
    const location = response.headers.get('location') ?? ''
    assert.equal(response.status, 301)
    assert.ok(location.startsWith('../'), location)
    assert.equal(new URL(location, new URL(path.slice(1), url)).href, new URL(target.slice(1), url).href)
  })
}

for (const path of ['/pypi/nothing/json', '/pypi/demo/9.9/json']) {
  test(`${path}, which does not exist, is 404 in JSON for every client and never looked for elsewhere`, async (t) => {
    const { root, request } = await serveIndex(t, { fallbackUrl: 'https://pypi.org/simple/' })
    put(root, wheel({ name: 'demo', version: '1.0' }))
    const response = await request(path, { headers: { accept: 'text/html' } })
    assert.deepEqual(
      [response.status, response.headers.get('content-type'), await response.text()],
      [404, 'application/json', '{"message":"Not Found"}'],
    )
  })
}

test('the JSON API needs a login where the list does, and no shared cache keeps it then', async (t) => {
  const auther = (username: string, password: string): boolean => username === 'a' && password === 'b'
  const { root, request } = await serveIndex(t, { auther, authenticate: ['list'] })
  put(root, wheel({ name: 'demo', version: '1.0' }))
  assert.equal((await request('/pypi/demo/json')).status, 401)
  const response = await request('/pypi/demo/json', { headers: basic('a', 'b') })
  assert.deepEqual([response.status, response.headers.get('cache-control')], [200, 'private, no-cache'])
})

test('behind a proxy every address in the JSON API is the public one', async (t) => {
  const { root, request } = await serveIndex(t, { baseUrl: 'https://index.example/priv/' })
  put(root, wheel({ name: 'demo', version: '1.0' }))
  const { info, urls } = (await (await request('/pypi/demo/json')).json()) as Page
  assert.equal(info['package_url'], 'https://index.example/priv/simple/demo/')
  assert.equal(urls[0]?.['url'], 'https://index.example/priv/packages/demo-1.0-py3-none-any.whl')
})
