import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sdist, wheel } from '../helpers/archives.js'
import { basic, type IndexServer, serveIndex, uploadForm } from '../helpers/index-server.js'

const built = wheel({ name: 'demo', version: '1.0' })
const source = sdist({ name: 'demo', version: '1.0' })
const newer = wheel({ name: 'demo', version: '1.1' })
const other = wheel({ name: 'demo', version: '1.0', files: { 'demo/other.py': '' } })
const json = 'application/vnd.pypi.simple.v1+json'

async function serveDemo(t: Parameters<typeof serveIndex>[0], config = {}): Promise<IndexServer> {
  const server = await serveIndex(t, config)
  for (const { filename, bytes } of [built, source, newer]) writeFileSync(join(server.root, filename), bytes)
  return server
}

function send(server: IndexServer, method: string, path: string, body?: unknown): Promise<Response> {
  return server.request(`/api/projects/${path}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) })
}

interface Page {
  readonly 'project-status'?: unknown
  readonly files: readonly { readonly filename: string; readonly yanked?: unknown }[]
}

async function pageOf(server: IndexServer): Promise<Page> {
  return (await (await server.request('/simple/demo/', { headers: { accept: json } })).json()) as Page
}

function auditOf({ root }: IndexServer): readonly Record<string, unknown>[] {
  const text = readFileSync(join(root, '.pypi-server', 'audit.jsonl'), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('yanking a release marks all its files with the reason, and taking it back unmarks them', async (t) => {
  const server = await serveDemo(t)
  const response = await send(server, 'PUT', 'Demo/releases/1.0.0/yank', { reason: 'broken' })
  const { files } = (await response.json()) as { readonly files: readonly string[] }
  assert.deepEqual([response.status, files.toSorted()], [200, [source.filename, built.filename].sort()])
  const yanks = async (): Promise<unknown> => (await pageOf(server)).files.map(({ yanked }) => yanked ?? false)
  assert.deepEqual(await yanks(), ['broken', 'broken', false])
  assert.match(await (await server.request('/simple/demo/')).text(), / data-yanked="broken">/)
  await send(server, 'DELETE', 'demo/releases/1.0/yank')
  assert.deepEqual(await yanks(), [false, false, false])
})

test('a single file is yanked without a reason', async (t) => {
  const server = await serveDemo(t)
  await send(server, 'PUT', `demo/files/${source.filename}/yank`)
  const yanked = (await pageOf(server)).files.filter((file) => file.yanked === true)
  assert.deepEqual(
    yanked.map(({ filename }) => filename),
    [source.filename],
  )
  assert.match(await (await server.request('/simple/demo/')).text(), / data-yanked="">demo-1\.0\.tar\.gz/)
})

test('a deleted file is gone, and its name takes the same bytes again but no others', async (t) => {
  const server = await serveDemo(t)
  assert.equal((await send(server, 'DELETE', `demo/files/${built.filename}`)).status, 200)
  assert.equal((await server.request(`/packages/${built.filename}`)).status, 404)
  const refused = await server.post(uploadForm(other))
  assert.equal(refused.status, 400)
  assert.match(await refused.text(), /was removed here/)
  assert.equal((await server.post(uploadForm(built))).status, 200)
})

test('a name that an operator frees takes other bytes', async (t) => {
  const server = await serveDemo(t)
  await send(server, 'DELETE', 'demo/releases/1.0?free-names=true')
  assert.equal((await server.post(uploadForm(other))).status, 200)
})

test('a deleted project keeps its name: its page is empty and leads nowhere else', async (t) => {
  const server = await serveDemo(t, { fallbackUrl: 'https://pypi.org/simple/' })
  await send(server, 'DELETE', 'demo')
  assert.deepEqual(readdirSync(server.root), ['.pypi-server'])
  assert.deepEqual([(await server.request('/simple/demo/')).status, (await pageOf(server)).files], [200, []])
})

test('a project name that an operator frees leads to the fallback, and is bound to the bytes of its files still', async (t) => {
  const server = await serveDemo(t, { fallbackUrl: 'https://pypi.org/simple/' })
  const free = async (target: string): Promise<number> => (await send(server, 'DELETE', target)).status
  assert.equal(await free('demo/releases/1.0?free-project=true'), 400)
  assert.equal(await free('demo?free-project=yes'), 400)
  assert.equal((await server.request('/simple/demo/')).status, 200)
  assert.equal(await free('demo?free-project=true'), 200)
  assert.equal((await server.request('/simple/demo/')).status, 303)
  assert.equal((await server.post(uploadForm(other))).status, 400)
  assert.equal(await free('demo?free-project=true'), 404)
})

test('the name of a project without files can be freed', async (t) => {
  const server = await serveDemo(t, { fallbackUrl: 'https://pypi.org/simple/' })
  await send(server, 'PUT', 'demo/status', { status: 'quarantined' })
  await send(server, 'DELETE', 'demo')
  assert.equal((await server.request('/simple/demo/')).status, 200)
  assert.equal((await send(server, 'DELETE', 'demo?free-project=true')).status, 200)
  assert.equal((await server.request('/simple/demo/')).status, 303)
})

test('an archived project says so and takes no uploads', async (t) => {
  const server = await serveDemo(t)
  const status = { status: 'archived', reason: 'moved to "new"' }
  assert.deepEqual(await (await send(server, 'PUT', 'demo/status', status)).json(), status)
  assert.deepEqual((await pageOf(server))['project-status'], status)
  assert.match(await (await server.request('/simple/demo/')).text(), /pypi:project-status" content="archived"/)
  assert.equal((await server.post(uploadForm(wheel({ name: 'demo', version: '2.0' })))).status, 403)
  assert.equal((await server.request(`/packages/${built.filename}`)).status, 200)
})

test('a quarantined project shows and serves no files, until it is active again', async (t) => {
  const server = await serveDemo(t)
  await send(server, 'PUT', 'demo/status', { status: 'quarantined' })
  assert.deepEqual((await pageOf(server)).files, [])
  assert.equal((await server.request(`/packages/${built.filename}`)).status, 404)
  await send(server, 'PUT', 'demo/status', { status: 'active' })
  assert.equal((await pageOf(server)).files.length, 3)
  assert.equal((await server.request(`/packages/${built.filename}`)).status, 200)
})

for (const [what, method, path, body, status] of [
  ['yanking an unknown project', 'PUT', 'missing/releases/1.0/yank', undefined, 404],
  ['yanking an unknown release', 'PUT', 'demo/releases/9/yank', undefined, 404],
  ['deleting an unknown file', 'DELETE', 'demo/files/x.whl', undefined, 404],
  ['a status that is none', 'PUT', 'demo/status', { status: 'gone' }, 400],
  ['a reason that is no text', 'PUT', 'demo/releases/1.0/yank', { reason: 1 }, 400],
  ['a body that is no object', 'PUT', 'demo/releases/1.0/yank', [1], 400],
  ['a status of an unknown project', 'PUT', 'missing/status', { status: 'active' }, 404],
] as const) {
  test(`${what} is answered ${status} in one line and changes nothing`, async (t) => {
    const server = await serveDemo(t)
    const before = await pageOf(server)
    const response = await send(server, method, path, body)
    assert.equal(response.status, status)
    assert.equal((await response.text()).trimEnd().split('\n').length, 1)
    assert.deepEqual(await pageOf(server), before)
  })
}

test('each kind of change needs a login and is decided by its own action and project', async (t) => {
  const asked: string[] = []
  const server = await serveDemo(t, {
    auther: (username: string) => username === 'ann',
    authorizer: (_: unknown, { action, project }: { action: string; project?: string }) =>
      asked.push(`${action} ${project}`) < 0,
  })
  const paths = [
    ['PUT', 'Demo/releases/1.0/yank'],
    ['DELETE', 'demo/releases/1.0'],
    ['PUT', 'demo/status'],
  ] as const
  for (const [method, path] of paths) {
    const headers = basic('ann', 'x')
    assert.equal((await server.request(`/api/projects/${path}`, { method })).status, 401)
    assert.equal((await server.request(`/api/projects/${path}`, { method, headers })).status, 403)
  }
  assert.deepEqual([...new Set(asked)], ['yank demo', 'remove demo', 'admin demo'])
})

test('every change leaves a line in the audit log with who, what and when', async (t) => {
  const server = await serveIndex(t, { auther: () => ({ name: 'ann' }), authenticate: ['update'] })
  const headers = basic('ann', 'x')
  await server.post(uploadForm(built), { headers })
  for (const [method, path, body] of [
    ['PUT', 'demo/releases/1.0/yank', '{"reason":"broken"}'],
    ['DELETE', 'demo/releases/1.0/yank', undefined],
    ['PUT', 'demo/status', '{"status":"deprecated"}'],
    ['DELETE', 'demo', undefined],
  ] as const) {
    await server.request(`/api/projects/${path}`, { method, headers, ...(body && { body }) })
  }
  const lines = auditOf(server)
  assert.deepEqual(
    lines.map(({ action, user, project }) => [action, user, project]),
    [
      ['publish', 'ann', 'demo'],
      ['yank', 'ann', 'demo'],
      ['unyank', 'ann', 'demo'],
      ['status', 'ann', 'demo'],
      ['remove', 'ann', 'demo'],
    ],
  )
  assert.ok(lines.every(({ time }) => !Number.isNaN(Date.parse(String(time)))))
  assert.deepEqual([lines[1]?.['file'], lines[1]?.['reason']], [built.filename, 'broken'])
})

test('a page of another site cannot act with a login that the browser remembers', async (t) => {
  const server = await serveDemo(t)
  for (const [site, status] of [
    ['cross-site', 403],
    ['same-site', 403],
    ['same-origin', 200],
    ['none', 200],
  ] as const) {
    // fetch() does not let go of this header.
    const response = await server.app.fetch(
      new Request('http://index.test/api/projects/demo/status', {
        method: 'PUT',
        headers: { 'sec-fetch-site': site },
        body: '{"status":"active"}',
      }),
    )
    assert.equal(response.status, status, site)
  }
})

test('the described API names every management route, and no other', async (t) => {
  const server = await serveIndex(t)
  const api = (await (await server.request('/api/openapi.json')).json()) as {
    readonly openapi: string
    readonly servers: readonly { readonly url: string }[]
    readonly paths: Readonly<Record<string, object>>
  }
  assert.deepEqual([api.openapi, api.servers], ['3.1.0', [{ url: server.url.slice(0, -1) }]])
  for (const [path, methods] of Object.entries(api.paths)) {
    const allowed = (await server.request(path.replace(/\{\w+\}/g, 'x'), { method: 'POST' })).headers.get('allow')
    const described = Object.keys(methods).flatMap((method) =>
      method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
    )
    assert.deepEqual(allowed?.split(', ').sort(), described.sort(), path)
  }
})
