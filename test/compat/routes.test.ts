import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sdist, wheel } from '../helpers/archives.js'
import { type IndexServer, serveIndex } from '../helpers/index-server.js'
import { ask } from './wire.js'

const demo = sdist({ name: 'demo', version: '1.0' })

async function serveDemo(t: TestContext, config = {}): Promise<IndexServer> {
  const server = await serveIndex(t, config)
  writeFileSync(join(server.root, demo.filename), demo.bytes)
  return server
}

/** Where a redirect leads, absolute. */
function target({ url }: IndexServer, path: string, response: Response): string {
  return new URL(response.headers.get('location') ?? '', new URL(path.slice(1), url)).href.replace(url, '/')
}

for (const [path, status, leadsTo] of [
  ['/simple', 301, '/simple/'],
  ['/packages', 301, '/packages/'],
  ['/simple/demo', 301, '/simple/demo/'],
  ['/simple/json', 301, '/simple/json/'],
  ['/simple/index.html', 301, '/simple/index-html/'],
  ['/simple/De_Mo/', 301, '/simple/de-mo/'],
  ['/De_Mo/json', 301, '/de-mo/json'],
  ['/demo', 303, '/simple/demo/'],
  ['/demo/', 303, '/simple/demo/'],
  ['/health/', 303, '/simple/health/'],
  ['/simple/missing/', 303, 'https://mirror.test/simple/missing/'],
] as const) {
  test(`GET ${path} redirects with ${status} and an empty body, without its query`, async (t) => {
    const server = await serveDemo(t, { fallbackUrl: 'https://mirror.test/simple//' })
    const response = await server.request(`${path}?a=b`)
    assert.deepEqual([response.status, target(server, path, response)], [status, leadsTo])
    assert.deepEqual([response.headers.get('content-length'), await response.text()], ['0', ''])
    const head = await server.request(path, { method: 'HEAD' })
    assert.deepEqual([head.status, head.headers.get('location')], [status, response.headers.get('location')])
  })
}

for (const path of [
  '/favicon.ico',
  '/demo/json/',
  '/a/b/c',
  '/simple/demo/index.html',
  '/simple/demo/1.0/',
  '/simple//demo/',
  '//simple//',
  '/packages/json',
  '/missing/json',
]) {
  test(`GET ${path} is 404`, async (t) => {
    const { url } = await serveDemo(t, { fallbackUrl: 'https://mirror.test/simple/' })
    assert.equal((await ask(url, path)).status, 404)
  })
}

test('the case of a path counts: /Simple/ is a project', async (t) => {
  const { request } = await serveDemo(t)
  const response = await request('/Simple/')
  assert.deepEqual([response.status, response.headers.get('location')], [303, '../simple/simple/'])
})

test('paths are matched once they are decoded', async (t) => {
  const { request } = await serveDemo(t)
  assert.equal((await request('/%73imple/')).status, 200)
  assert.equal((await request('/simple/%64emo/')).status, 200)
})

test('projects named like routes have their pages', async (t) => {
  const { root, request } = await serveIndex(t)
  const files = ['health', 'simple', 'packages', 'json', 'pypi'].map((name) => wheel({ name, version: '1.0' }))
  for (const { filename, bytes } of files) writeFileSync(join(root, filename), bytes)
  for (const { filename } of files) {
    const page = await request(`/simple/${filename.split('-', 1)[0]}/`)
    assert.match(await page.text(), new RegExp(`>${filename}<`))
  }
})

test('a health endpoint elsewhere makes /health a project', async (t) => {
  const { request } = await serveIndex(t, { healthEndpoint: '/packages/ok' })
  const health = await request('/packages/ok')
  assert.deepEqual([health.status, health.headers.get('content-type')], [200, 'text/html; charset=UTF-8'])
  assert.deepEqual([health.headers.get('content-length'), await health.text()], ['2', 'Ok'])
  assert.equal((await request('/health')).status, 303)
})

test('clients of HTTP/1.0 are redirected with 302, to a project and to the fallback', async (t) => {
  const { url } = await serveDemo(t, { fallbackUrl: 'https://mirror.test/simple/' })
  for (const [path, location] of [
    ['/demo', './simple/demo/'],
    ['/simple/missing/', 'https://mirror.test/simple/missing/'],
  ] as const) {
    const { status, headers } = await ask(url, path, { version: '1.0' })
    assert.deepEqual([status, headers.get('location')], [302, location])
  }
})

test('a name with line feeds never gets into a header', async (t) => {
  const { url } = await serveDemo(t, { fallbackUrl: 'https://mirror.test/simple/' })
  for (const path of ['/a%0d%0aX-Evil:1', '/simple/a%0d%0aX-Evil:1', '/simple/a%0d%0aX-Evil:1/', '/a%0d%0aX:1/json']) {
    const { status, headers } = await ask(url, path)
    assert.deepEqual([status, headers.has('x-evil')], [400, false], path)
  }
})

for (const [name, encoded] of [
  ['naïve', 'na%C3%AFve'],
  ['a b', 'a%20b'],
  ['a#b', 'a%23b'],
  ['a&b', 'a%26b'],
]) {
  test(`the project ${name} has a page at its encoded name, without a redirect to itself`, async (t) => {
    const { root, request } = await serveIndex(t)
    writeFileSync(join(root, `${name}-1.0.tar.gz`), demo.bytes)
    const list = await (await request('/simple/')).text()
    assert.ok(list.includes(`href="${encoded}/"`), list)
    const page = await request(`/simple/${encoded}/`)
    assert.equal(page.status, 200)
    const [, href = ''] = /href="\.\.\/\.\.([^"#]+)/.exec(await page.text()) ?? []
    assert.equal((await request(href)).status, 200)
  })
}

for (const [method, path, allow] of [
  ['PUT', '/', 'GET, HEAD, POST'],
  ['DELETE', '/simple/', 'GET, HEAD'],
  ['OPTIONS', '/simple/', 'GET, HEAD'],
  ['PATCH', '/packages/x', 'GET, HEAD'],
  ['POST', '/simple/', 'GET, HEAD'],
  ['POST', '/demo', 'GET, HEAD'],
  ['POST', '/packages/x', 'GET, HEAD'],
] as const) {
  test(`${method} ${path} is 405 and tells the methods that work`, async (t) => {
    const { request } = await serveDemo(t)
    const response = await request(path, { method })
    assert.deepEqual([response.status, response.headers.get('allow')], [405, allow])
    assert.equal(response.headers.get('access-control-allow-origin'), null)
  })
}

test('HEAD has the status, type and length of GET on every route', async (t) => {
  const { request } = await serveDemo(t)
  for (const path of ['/', '/health', '/simple/', '/simple/demo/', '/packages/', '/demo/json', '/nowhere/at/all']) {
    const [got, head] = [await request(path), await request(path, { method: 'HEAD' })]
    const seen = (response: Response): readonly unknown[] => [
      response.status,
      response.headers.get('content-type'),
      response.headers.get('content-length'),
    ]
    assert.deepEqual(seen(head), seen(got), path)
    assert.equal(await head.text(), '')
  }
})

test('a path that is not UTF-8 is 400', async (t) => {
  const { url } = await serveDemo(t)
  for (const path of ['/%EF', '/simple/%EF/']) assert.equal((await ask(url, path)).status, 400, path)
})

test('a browser gets an error as a page, everybody else as one line of text', async (t) => {
  const { request } = await serveDemo(t)
  const page = await request('/a/<b>/c', { headers: { accept: 'text/html,*/*;q=0.8' } })
  assert.deepEqual([page.status, page.headers.get('content-type')], [404, 'text/html; charset=UTF-8'])
  const html = await page.text()
  assert.match(html, /<title>Error: 404 Not Found<\/title>/)
  assert.doesNotMatch(html, /<b>/)
  const line = await request('/a/b/c')
  assert.equal(line.headers.get('content-type'), 'text/plain; charset=UTF-8')
  assert.equal(await line.text(), 'nothing is at "/a/b/c"\n')
})

test('a fault of the server shows its client no path and no traceback', async (t) => {
  const failing = async (): Promise<never> => {
    throw new Error('/srv/secret/path')
  }
  const { request } = await serveIndex(t, {
    backend: { name: 'failing', listProjects: failing, getProject: failing, openFile: failing } as never,
  })
  const response = await request('/simple/demo/', { headers: { accept: 'text/html' } })
  assert.equal(response.status, 500)
  assert.doesNotMatch(await response.text(), /secret| at .*js/)
})

test('hidden directories of the store are no projects', async (t) => {
  const { root, request } = await serveIndex(t)
  mkdirSync(join(root, '.hidden'))
  writeFileSync(join(root, '.hidden', demo.filename), demo.bytes)
  assert.equal((await request('/simple/demo/')).status, 404)
  assert.equal((await request(`/packages/.hidden/${demo.filename}`)).status, 404)
})
