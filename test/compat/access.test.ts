import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sdist } from '../helpers/archives.js'
import { basic, serveIndex } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = sdist({ name: 'demo', version: '1.0' })
const auther = (username: string, password: string): boolean => username === 'ann' && password === 'secret'
const call = '<methodCall><methodName>search</methodName><params><param><value>x</value></param></params></methodCall>'

for (const [method, path] of [
  ['GET', '/packages'],
  ['GET', '/packages/'],
  ['GET', '/demo/json'],
  ['POST', '/RPC2'],
] as const) {
  test(`${method} ${path} needs a login where lists do, and not where files do`, async (t) => {
    const body = method === 'POST' ? { method, body: call } : {}
    const [lists, files] = [
      await serveIndex(t, { auther, authenticate: ['list'] }),
      await serveIndex(t, { auther, authenticate: ['download'] }),
    ]
    assert.equal((await lists.request(path, body)).status, 401)
    assert.notEqual((await lists.request(path, { ...body, headers: basic('ann', 'secret') })).status, 401)
    assert.notEqual((await files.request(path, body)).status, 401)
  })
}

test('the icon, the welcome page, the health endpoint and redirects to projects ask for no login', async (t) => {
  const { request } = await serveIndex(t, { auther, authenticate: ['list', 'download', 'update'] })
  const statuses = ['/favicon.ico', '/', '/health', '/demo'].map(async (path) => (await request(path)).status)
  assert.deepEqual(await Promise.all(statuses), [404, 200, 200, 303])
})

test('the login is asked for before anything else is looked at', async (t) => {
  const { request, url } = await serveIndex(t, { auther, authenticate: ['list', 'download', 'update'] })
  for (const path of ['/packages/missing-1.0.zip', '/simple/missing/', '/missing/json', '/simple/De_Mo/']) {
    assert.equal((await request(path)).status, 401, path)
  }
  assert.equal((await request('/', { method: 'POST', body: new URLSearchParams() })).status, 401, url)
})

test('credentials may be in UTF-8, hold colons and name their scheme in any case', async (t) => {
  const seen: string[] = []
  const { request } = await serveIndex(t, {
    auther: (username, password) => seen.push(`${username}|${password}`) > 0,
    authenticate: ['list'],
  })
  const { authorization } = basic('änn', 's:e:crét')
  for (const scheme of ['Basic', 'basic', 'BASIC']) {
    const headers = { authorization: authorization.replace('Basic', scheme) }
    assert.equal((await request('/simple/', { headers })).status, 200)
  }
  assert.deepEqual(seen, ['änn|s:e:crét', 'änn|s:e:crét', 'änn|s:e:crét'])
})

test('nothing needs a login when nothing is authenticated, uploads included', async (t) => {
  const { post, request } = await serveIndex(t, { authenticate: [] })
  const form = new FormData()
  form.append(':action', 'verify')
  assert.equal((await post(form)).status, 200)
  assert.equal((await request('/simple/')).status, 200)
})

test('an auther of one’s own decides alone, with truthy values that are no true refused', async (t) => {
  const { request } = await serveIndex(t, { auther: () => 1 as never, authenticate: ['list'] })
  assert.equal((await request('/simple/', { headers: basic('ann', 'x') })).status, 401)
  const open = await serveIndex(t, { auther: async () => true, authenticate: ['list'] })
  assert.equal((await open.request('/simple/', { headers: basic('ann', 'x') })).status, 200)
})

test('a user whom a server in front has named is not logged in', async (t) => {
  const { request } = await serveIndex(t, { auther, authenticate: ['list'] })
  const headers = { 'remote-user': 'ann', 'x-remote-user': 'ann', 'x-forwarded-user': 'ann' }
  assert.equal((await request('/simple/', { headers })).status, 401)
})

test('while a line of the password file is malformed logins are 503, and work once it is repaired', async (t) => {
  const passwordFile = join(temporaryDirectory(t), 'htpasswd')
  const good = `ann:{SHA}${createHash('sha1').update('secret').digest('base64')}\n`
  const { request } = await serveIndex(t, { passwordFile, authenticate: ['list'] })
  const status = async (): Promise<number> => (await request('/simple/', { headers: basic('ann', 'secret') })).status
  writeFileSync(passwordFile, `${good}no colon\n`)
  assert.equal(await status(), 503)
  writeFileSync(passwordFile, good)
  assert.equal(await status(), 200)
})

const proxied = { 'x-forwarded-host': 'index.test:8443/priv', 'x-forwarded-proto': 'https' } as const

test('behind a forwarded prefix the welcome page shows the public address', async (t) => {
  const { request } = await serveIndex(t, { welcome: '{{URL}} {{PACKAGES}} {{SIMPLE}}' })
  const page = await (await request('/', { headers: proxied })).text()
  assert.equal(page, 'https://index.test:8443/priv/ /priv/packages/ /priv/simple/')
})

for (const [path, target] of [
  ['/simple', '/priv/simple/'],
  ['/packages', '/priv/packages/'],
  ['/simple/demo', '/priv/simple/demo/'],
  ['/simple/Demo/', '/priv/simple/demo/'],
  ['/Demo/json', '/priv/demo/json'],
  ['/demo', '/priv/simple/demo/'],
] as const) {
  test(`behind a forwarded prefix ${path} leads to ${target}, because redirects are relative`, async (t) => {
    const { request } = await serveIndex(t)
    const location = (await request(path, { headers: proxied })).headers.get('location') ?? ''
    assert.doesNotMatch(location, /^\w+:|^\//)
    assert.equal(new URL(location, `https://index.test:8443/priv${path}`).pathname, target)
  })
}

test('behind a forwarded prefix every link of a page stays below it', async (t) => {
  const { root, request } = await serveIndex(t)
  writeFileSync(join(root, demo.filename), demo.bytes)
  for (const path of ['/simple/', '/simple/demo/', '/packages/']) {
    const page = await (await request(path, { headers: proxied })).text()
    const [, href = ''] = /<a href="([^"#]*)/.exec(page) ?? []
    assert.match(new URL(href, `https://index.test:8443/priv${path}`).pathname, /^\/priv\/(?:simple\/demo|packages)\//)
  }
})

test('other forwarding headers choose no address', async (t) => {
  const { root, request, url } = await serveIndex(t)
  writeFileSync(join(root, demo.filename), demo.bytes)
  const headers = {
    forwarded: 'host=evil.test;proto=https',
    'x-forwarded-prefix': '/evil',
    'x-forwarded-port': '1',
    'x-forwarded-for': '192.0.2.1',
  }
  assert.ok((await (await request('/demo/json', { headers })).text()).includes(`"${url}packages/`))
})
