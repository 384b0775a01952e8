import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sdist, wheel } from '../helpers/archives.js'
import { serveIndex } from '../helpers/index-server.js'

const json = 'application/vnd.pypi.simple.v1+json'
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

function put(root: string, ...files: readonly { readonly filename: string; readonly bytes: Uint8Array }[]): void {
  for (const { filename, bytes } of files) writeFileSync(join(root, filename), bytes)
}

test('the project list names every project once, in order', async (t) => {
  const { root, request } = await serveIndex(t)
  put(
    root,
    wheel({ name: 'Zeta', version: '1.0' }),
    wheel({ name: 'Al_pha', version: '1' }),
    sdist({ name: 'zeta', version: '2' }),
  )
  const page = await (await request('/simple/')).text()
  assert.deepEqual(
    [...page.matchAll(/<a href="([^"]*)">([^<]*)<\/a>/g)].map(([, href, text]) => [href, text]),
    [
      ['al-pha/', 'al-pha'],
      ['zeta/', 'zeta'],
    ],
  )
})

test('the project list is JSON for clients that ask for it', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, wheel({ name: 'demo', version: '1.0' }))
  const response = await request('/simple/', { headers: { accept: json } })
  assert.equal(response.headers.get('content-type'), json)
  const { meta, projects } = (await response.json()) as {
    meta: Record<string, unknown>
    projects: readonly { readonly name: string }[]
  }
  assert.deepEqual([Object.keys(meta).sort(), meta['api-version']], [['_last-serial', 'api-version'], '1.4'])
  assert.deepEqual(
    projects.map(({ name }) => name),
    ['demo'],
  )
})

test('a project page in JSON tells everything that is known of each file', async (t) => {
  const { root, request } = await serveIndex(t)
  const file = wheel({ name: 'demo', version: '1.0', requiresPython: '>=3.8' })
  put(root, file)
  utimesSync(join(root, file.filename), 1_700_000_000.5, 1_700_000_000.5)
  const response = await request('/simple/demo/', { headers: { accept: json } })
  assert.equal(response.status, 200)
  const serial = Number(response.headers.get('x-pypi-last-serial'))
  assert.ok(serial > 0)
  assert.deepEqual(await response.json(), {
    meta: { 'api-version': '1.4', '_last-serial': serial },
    name: 'demo',
    versions: ['1.0'],
    files: [
      {
        filename: file.filename,
        url: `../../packages/${file.filename}`,
        hashes: { sha256: sha256(file.bytes) },
        'requires-python': '>=3.8',
        size: file.bytes.length,
        'upload-time': '2023-11-14T22:13:20.500Z',
        'core-metadata': { sha256: sha256(file.metadata) },
      },
    ],
  })
})

test('a project page in HTML carries digest, requires-python and core metadata on one line', async (t) => {
  const { root, request } = await serveIndex(t)
  const file = wheel({ name: 'demo', version: '1.0', requiresPython: '>=3.8' })
  put(root, file)
  const response = await request('/simple/demo/')
  assert.equal(response.headers.get('content-type'), 'text/html; charset=UTF-8')
  const line = (await response.text()).split('\n').find((text) => text.startsWith('<a '))
  assert.equal(
    line,
    `<a href="../../packages/${file.filename}#sha256=${sha256(file.bytes)}" data-requires-python="&#62;=3.8" data-core-metadata="sha256=${sha256(file.metadata)}">${file.filename}</a><br>`,
  )
})

test('an sdist is listed with its requires-python and without core metadata', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, sdist({ name: 'demo', version: '1.0', requiresPython: '>=3.9' }))
  const response = await request('/simple/demo/', { headers: { accept: json } })
  const { files } = (await response.json()) as { files: Record<string, unknown>[] }
  assert.equal(files[0]?.['requires-python'], '>=3.9')
  assert.equal('core-metadata' in (files[0] ?? {}), false)
})

test('files are listed from the oldest version to the newest', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, ...['1.10', '1.9', '2.0rc1', '2.0', '1!0.1'].map((version) => wheel({ name: 'demo', version })))
  const response = await request('/simple/demo/', { headers: { accept: json } })
  assert.deepEqual(((await response.json()) as { versions: string[] }).versions, [
    '1.9',
    '1.10',
    '2.0rc1',
    '2.0',
    '1!0.1',
  ])
})

test('a file name that needs escaping is linked so that following the link gets it', async (t) => {
  const { root, request } = await serveIndex(t)
  const file = wheel({ name: 'demo', version: '1.0+local.1' })
  mkdirSync(join(root, 'sub dir#1'))
  writeFileSync(join(root, 'sub dir#1', file.filename), file.bytes)
  const page = await (await request('/simple/demo/')).text()
  const href = /href="([^"#]*)/.exec(page)?.[1] ?? ''
  assert.equal(href, '../../packages/sub%20dir%231/demo-1.0%2Blocal.1-py3-none-any.whl')
  const response = await request(new URL(href, 'http://x/simple/demo/').pathname)
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(file.bytes))
})

for (const [path, location] of [
  ['/simple', 'simple/'],
  ['/simple/demo', 'demo/'],
  ['/simple/De.Mo_x', 'de-mo-x/'],
  ['/simple/De.Mo_x/', '../de-mo-x/'],
]) {
  test(`${path} leads to ${location} for good`, async (t) => {
    const { request } = await serveIndex(t)
    const response = await request(path ?? '')
    assert.deepEqual([response.status, response.headers.get('location')], [301, location])
  })
}

for (const [path, location] of [
  ['/demo', './simple/demo/'],
  ['/demo/', '../simple/demo/'],
]) {
  test(`${path} leads to the project's page`, async (t) => {
    const { request } = await serveIndex(t)
    const response = await request(path ?? '')
    assert.deepEqual([response.status, response.headers.get('location')], [303, location])
  })
}

test('a project that is not here is 404 with one line that names it', async (t) => {
  const { request } = await serveIndex(t)
  const response = await request('/simple/missing/')
  assert.deepEqual([response.status, await response.text()], [404, 'project "missing" does not exist\n'])
})

test('with a fallback a project that is not here leads there, without being cached', async (t) => {
  const { request } = await serveIndex(t, { fallbackUrl: 'https://pypi.org/simple' })
  const response = await request('/simple/missing/')
  assert.equal(response.status, 303)
  assert.equal(response.headers.get('location'), 'https://pypi.org/simple/missing/')
  assert.equal(response.headers.get('cache-control'), 'no-store')
})

test('a private name never leads to the fallback, in any spelling, while others do', async (t) => {
  const privateNames = ['Acme_*', 'one.name']
  const { request } = await serveIndex(t, { fallbackUrl: 'https://pypi.org/simple', privateNames })
  const finalStatus = async (name: string): Promise<number> => {
    const answer = await request(`/simple/${name}/`)
    const location = answer.headers.get('location')
    if (answer.status !== 301 || location === null) return answer.status
    return (await request(new URL(location, `http://host/simple/${name}/`).pathname)).status
  }
  for (const name of ['acme-tools', 'ACME.Tools', 'acme__x', 'one-name', 'One_Name']) {
    assert.equal(await finalStatus(name), 404, name)
  }
  for (const name of ['acme', 'one-names', 'demo']) assert.equal(await finalStatus(name), 303, name)
})

test('a name that no project can have never leads to the fallback', async (t) => {
  const { request } = await serveIndex(t, { fallbackUrl: 'https://pypi.org/simple' })
  assert.equal((await request('/simple/-x-/')).status, 404)
})

test('a page type that is not served is 406', async (t) => {
  const { request } = await serveIndex(t)
  assert.equal((await request('/simple/', { headers: { accept: 'application/xml' } })).status, 406)
})

test('a page that did not change is 304, in its own representation only', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, wheel({ name: 'demo', version: '1.0' }))
  const first = await request('/simple/demo/', { headers: { accept: json } })
  const headers = { 'if-none-match': first.headers.get('etag') ?? '' }
  assert.equal((await request('/simple/demo/', { headers: { ...headers, accept: json } })).status, 304)
  assert.equal((await request('/simple/demo/', { headers })).status, 200)
  assert.equal(first.headers.get('vary'), 'Accept, Accept-Encoding')
})

test('HEAD answers like GET, without a body', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, wheel({ name: 'demo', version: '1.0' }))
  const got = await request('/simple/demo/')
  const head = await request('/simple/demo/', { method: 'HEAD' })
  for (const name of ['content-type', 'content-length', 'etag', 'vary', 'cache-control']) {
    assert.equal(head.headers.get(name), got.headers.get(name), name)
  }
  assert.equal(await head.text(), '')
})

test('other methods are refused with the list of those that work', async (t) => {
  const { request } = await serveIndex(t)
  const response = await request('/simple/', { method: 'DELETE' })
  assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'])
})

test('the health endpoint answers Ok', async (t) => {
  const { request } = await serveIndex(t, { healthEndpoint: '/live/z' })
  assert.equal(await (await request('/live/z')).text(), 'Ok')
})

test('the welcome page counts the files and shows the address that the client used', async (t) => {
  const { root, request, url } = await serveIndex(t)
  put(root, wheel({ name: 'demo', version: '1.0' }), sdist({ name: 'demo', version: '1.0' }))
  const page = await (await request('/')).text()
  assert.match(page, /serving 2 packages/)
  assert.ok(page.includes(`pip install --index-url ${url}simple/`))
})
