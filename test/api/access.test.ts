import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type AuthContext, type Backend, type Config, silentLogger } from 'pypi-server'
import { normalizeName } from '#src/packaging/name.js'
import { wheel } from '../helpers/archives.js'
import { basic, serveIndex, uploadForm } from '../helpers/index-server.js'
import { memoryBackend } from '../helpers/memory-backend.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const auther: NonNullable<Config['auther']> = (username, password) => username === 'ann' && password === 'secret'
const everything = ['list', 'download', 'update'] as const
const routes = [
  ['list', 'GET', '/simple'],
  ['list', 'GET', '/simple/'],
  ['list', 'GET', '/simple/demo'],
  ['list', 'GET', '/simple/demo/'],
  ['download', 'GET', `/packages/${demo.filename}`],
  ['download', 'GET', `/packages/${demo.filename}.metadata`],
  ['update', 'POST', '/'],
  ['update', 'POST', '/legacy'],
  ['update', 'POST', '/legacy/'],
] as const
const open = ['/', '/health', '/demo', '/demo/']

const guarded = { auther, authenticate: everything } as const
const initFor = (method: string): RequestInit => (method === 'POST' ? { method, body: uploadForm(demo) } : { method })

for (const [group, method, path] of routes) {
  test(`${method} ${path} needs a login when ${group} does, whatever the credentials look like`, async (t) => {
    const { root, request } = await serveIndex(t, { auther, authenticate: [group] })
    writeFileSync(join(root, demo.filename), demo.bytes)
    const statusWith = async (headers: Record<string, string>): Promise<number> =>
      (await request(path, { ...initFor(method), headers })).status
    for (const headers of [
      {},
      basic('ann', 'wrong'),
      basic('ann', ''),
      basic('eve', 'secret'),
      { authorization: 'Bearer secret' },
      { authorization: 'Basic !!!' },
      { authorization: 'Digest x' },
      { authorization: '' },
    ]) {
      assert.equal(await statusWith(headers), 401, JSON.stringify(headers))
    }
    assert.ok((await statusWith(basic('ann', 'secret'))) < 400)
  })
}

for (const path of open) {
  test(`${path} is open to everybody`, async (t) => {
    const { request } = await serveIndex(t, guarded)
    assert.ok((await request(path)).status < 400)
  })
}

test('a refused login is challenged', async (t) => {
  const { request } = await serveIndex(t, guarded)
  const response = await request('/simple/', { headers: basic('ann', 'wrong') })
  assert.equal(response.headers.get('www-authenticate'), 'Basic realm="pypi", charset="UTF-8"')
  assert.equal(await response.text(), 'wrong user name or password\n')
})

test('wrong credentials are refused also where none are needed', async (t) => {
  const { request } = await serveIndex(t, { auther })
  assert.equal((await request('/simple/')).status, 200)
  assert.equal((await request('/simple/', { headers: basic('ann', 'wrong') })).status, 401)
})

test('without users uploads are refused with a text that says so', async (t) => {
  const { post } = await serveIndex(t, { authenticate: ['update'] })
  const response = await post(uploadForm(demo), { headers: basic('ann', 'secret') })
  assert.equal(response.status, 403)
  assert.match(await response.text(), /this server was given no users/)
})

test('what an auther is told of a request can be copied, with the signal, and wrapped', async (t) => {
  const told: (readonly string[])[] = []
  const asked = (_: string, __: string, context: AuthContext): boolean => {
    const wrapped = Object.create(context) as AuthContext
    told.push([...Object.keys(context), String({ ...context }.signal.aborted), String(wrapped.signal.aborted)])
    return true
  }
  const { request } = await serveIndex(t, { auther: asked, authenticate: everything })
  assert.equal((await request('/simple/', { headers: basic('ann', 'secret') })).status, 200)
  assert.deepEqual(told, [['action', 'request', 'signal', 'false', 'false']])
})

test('an auther that cannot tell is answered 503, not as a wrong password', async (t) => {
  const failing = async (): Promise<boolean> => {
    throw new Error('ldap://secret-host is down')
  }
  const { request } = await serveIndex(t, { auther: failing, authenticate: everything })
  const response = await request('/simple/', { headers: basic('ann', 'secret') })
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('retry-after'), '2')
  assert.doesNotMatch(await response.text(), /secret-host/)
})

test('a store that cannot be read is answered 503 without its paths, which the log has', async (t) => {
  const logged: unknown[] = []
  const error = (details: object): unknown => logged.push(details)
  const parent = temporaryDirectory(t)
  const { request } = await serveIndex(t, {
    roots: join(parent, 'missing'),
    logger: { ...silentLogger, error },
  })
  for (const path of ['/simple/', '/simple/demo/', '/packages/demo-1.0.zip', '/demo/json', '/']) {
    const response = await request(path)
    assert.equal(response.status, 503)
    assert.ok(!(await response.text()).includes(parent), path)
  }
  assert.ok(JSON.stringify(logged).includes(join(parent, 'missing')))
})

test('a bearer token reaches the auther as user __token__', async (t) => {
  const seen: string[] = []
  const { request } = await serveIndex(t, {
    auther: (username, password) => seen.push(`${username}:${password}`) > 0,
    authenticate: everything,
  })
  await request('/simple/', { headers: { authorization: 'Bearer abc' } })
  assert.deepEqual(seen, ['__token__:abc'])
})

test('an authorizer decides per action and project, on the normalized name', async (t) => {
  const asked: (string | undefined)[] = []
  const authorizer = (_: unknown, { action, project }: AuthContext): boolean => {
    asked.push(`${action} ${project ?? ''}`.trim())
    return project !== 'demo'
  }
  const { root, post, request } = await serveIndex(t, { auther, authorizer })
  writeFileSync(join(root, demo.filename), demo.bytes)
  assert.equal((await post(uploadForm(demo), { headers: basic('ann', 'secret') })).status, 403)
  assert.equal((await request('/simple/Demo', { headers: basic('ann', 'secret') })).status, 403)
  assert.equal((await request('/simple/demo/')).status, 401)
  assert.deepEqual(asked, ['upload', 'upload demo', 'list demo', 'list demo'])
})

test('a password file opens uploads to its users and is read again when it changes', async (t) => {
  const passwordFile = join(temporaryDirectory(t), 'htpasswd')
  const line = (user: string, password: string): string =>
    `${user}:{SHA}${createHash('sha1').update(password).digest('base64')}\n`
  writeFileSync(passwordFile, line('ann', 'secret'))
  const { post } = await serveIndex(t, { passwordFile })
  const statusOf = async (user: string, password: string): Promise<number> =>
    (await post(uploadForm(demo), { headers: basic(user, password) })).status
  assert.deepEqual([await statusOf('ann', 'secret'), await statusOf('bob', 'other')], [200, 401])
  writeFileSync(passwordFile, line('bob', 'other'))
  assert.deepEqual([await statusOf('ann', 'secret'), await statusOf('bob', 'other')], [401, 200])
  rmSync(passwordFile)
  assert.equal(await statusOf('bob', 'other'), 503)
})

test('answers that needed a login are kept by no shared cache', async (t) => {
  const { root, request } = await serveIndex(t, guarded)
  writeFileSync(join(root, demo.filename), demo.bytes)
  for (const path of ['/simple/', '/simple/demo/', `/packages/${demo.filename}`]) {
    const response = await request(path, { headers: basic('ann', 'secret') })
    assert.match(response.headers.get('cache-control') ?? '', /private/, path)
  }
})

for (const without of [[], ['findFile'], ['findFile', 'projectAtHand', 'fileAtHand']] as const) {
  test(`files of a quarantined project are 404 from a backend without [${without}]`, async (t) => {
    const backend = Object.fromEntries(
      Object.entries(memoryBackend()).filter(([name]) => !without.includes(name as never)),
    )
    const server = await serveIndex(t, { backend: backend as unknown as Backend })
    const file = wheel({ name: 'demo', version: '1.0' })
    assert.equal((await server.post(uploadForm(file))).status, 200)
    const path = `/packages/demo/${file.filename}`
    assert.equal((await server.request(path)).status, 200)
    await server.app.backend.setStatus?.(normalizeName('demo'), { status: 'quarantined' })
    assert.equal((await server.request(path)).status, 404)
  })
}
