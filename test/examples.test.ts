import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { wheel } from './helpers/archives.js'
import { type Environment, type Example, exampleFile, startExample } from './helpers/example.js'
import { exampleDatabase } from './helpers/example-database.js'
import { basic, uploadForm } from './helpers/index-server.js'
import { temporaryDirectory } from './helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const fresh = wheel({ name: 'fresh', version: '2.0' })
// SHA-1 of «secret» in base64, as `htpasswd -s` writes it: quick to verify.
const passwords = 'ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n'
const ann = basic('ann', 'secret')
const machine = basic('__token__', 'machine secret')

type Credentials = Readonly<Record<string, string>>
/** Starts a compiled example on a free port, over a directory that holds `demo`. */
async function start(t: TestContext, name: string, environment: Environment = {}): Promise<Example> {
  const root = temporaryDirectory(t)
  const PASSWORDS = join(temporaryDirectory(t), 'htpasswd')
  writeFileSync(join(root, demo.filename), demo.bytes)
  writeFileSync(PASSWORDS, passwords)
  return await startExample(t, [exampleFile(name)], { ROOT: root, PASSWORDS, TOKEN: 'machine secret', ...environment })
}

async function statusOf(response: Promise<Response>): Promise<number> {
  const answered = await response
  await answered.arrayBuffer()
  return answered.status
}

const hosts = ['http', 'express', 'koa', 'fastify', 'hono']
for (const name of hosts) {
  test(`examples/${name}.ts serves a directory, takes an upload and ends when told to`, async (t) => {
    const { url, end } = await start(t, name)
    assert.match(await (await fetch(`${url}simple/`)).text(), /href="demo\/"/)
    const upload = (headers: Credentials) => statusOf(fetch(url, { method: 'POST', body: uploadForm(fresh), headers }))
    assert.deepEqual([await upload({}), await upload(ann)], [401, 200])
    const download = await fetch(`${url}packages/${fresh.filename}`)
    assert.deepEqual(Buffer.from(await download.arrayBuffer()), Buffer.from(fresh.bytes))
    assert.deepEqual(await end(), [0, null])
  })
}

test('examples/auther.ts lets people read, and only the machine upload', async (t) => {
  const { url, end } = await start(t, 'auther')
  const list = (headers: Credentials) => statusOf(fetch(`${url}simple/`, { headers }))
  assert.deepEqual([await list({}), await list(ann), await list(machine)], [401, 200, 200])
  const upload = (headers: Credentials) => statusOf(fetch(url, { method: 'POST', body: uploadForm(fresh), headers }))
  assert.deepEqual([await upload({}), await upload(ann), await upload(machine)], [401, 403, 200])
  assert.equal(await list(basic('__token__', 'guess')), 401)
  assert.deepEqual(await end(), [0, null])
})

test('examples/sessions.ts lets whom the host knows browse, and others log in with passwords', async (t) => {
  const { url, end } = await start(t, 'sessions', { SECRET: 'of the sessions' })
  const list = (headers: Credentials) => statusOf(fetch(`${url}simple/`, { headers }))
  const login = (password: string) =>
    fetch(`${url}login`, { method: 'POST', body: new URLSearchParams({ user: 'ann', password }), redirect: 'manual' })
  const refused = await login('guess')
  assert.deepEqual([refused.status, refused.headers.get('set-cookie')], [401, null])
  const { status, headers } = await login('secret')
  const [cookie = ''] = headers.get('set-cookie')?.split(';') ?? []
  assert.deepEqual([status, headers.get('location')], [303, '/simple/'])
  assert.deepEqual([await list({}), await list(ann), await list({ cookie })], [401, 200, 200])
  const upload = (origin: Credentials) =>
    statusOf(fetch(url, { method: 'POST', body: uploadForm(fresh), headers: { cookie, ...origin } }))
  assert.deepEqual([await upload({ 'sec-fetch-site': 'cross-site' }), await upload({})], [403, 200])
  assert.equal(await list({ cookie: 'connect.sid=s%3Aguess.guess' }), 401)
  assert.deepEqual(await end(), [0, null])
})

test('examples/database.ts takes people and tokens that are in the database', async (t) => {
  const DATABASE = await exampleDatabase(temporaryDirectory(t))
  const { url, end } = await start(t, 'database', { DATABASE })
  const list = (headers: Credentials) => statusOf(fetch(`${url}simple/`, { headers }))
  const [bob, sql] = [basic('bob', 'secret'), basic("' OR ''='", 'secret')]
  assert.deepEqual([await list({}), await list(ann), await list(bob), await list(sql)], [401, 200, 200, 401])
  assert.deepEqual([await list(machine), await list(basic('__token__', 'expired secret'))], [200, 401])
  const upload = (headers: Credentials) => statusOf(fetch(url, { method: 'POST', body: uploadForm(fresh), headers }))
  assert.deepEqual([await upload({}), await upload(bob), await upload(machine)], [401, 403, 200])
  assert.deepEqual(await end(), [0, null])
})

test('examples/database.ts cannot tell who somebody is without its tables', async (t) => {
  const { url } = await start(t, 'database', { DATABASE: temporaryDirectory(t) })
  assert.equal(await statusOf(fetch(`${url}simple/`, { headers: ann })), 503)
})

test('examples/two-indexes.ts keeps what is tried apart from what is released', async (t) => {
  const [STABLE, UNSTABLE] = [temporaryDirectory(t), temporaryDirectory(t)]
  writeFileSync(join(STABLE, demo.filename), demo.bytes)
  const { url, end } = await start(t, 'two-indexes', { STABLE, UNSTABLE })
  const upload = (to: string, headers: Credentials) =>
    statusOf(fetch(`${url}${to}/`, { method: 'POST', body: uploadForm(fresh), headers }))
  assert.deepEqual([await upload('unstable', {}), await upload('unstable', ann)], [401, 200])
  const names = async (of: string) => {
    const page = await (await fetch(`${url}${of}/simple/`)).text()
    return [...page.matchAll(/href="(\w+)\/"/g)].map(([, name]) => name)
  }
  assert.deepEqual([await names('stable'), await names('unstable')], [['demo'], ['fresh']])
  const download = await fetch(`${url}unstable/packages/${fresh.filename}`)
  assert.deepEqual(Buffer.from(await download.arrayBuffer()), Buffer.from(fresh.bytes))
  const elsewhere = ['stable', 'other/simple/', ''].map((path) => statusOf(fetch(`${url}${path}`)))
  assert.deepEqual(await Promise.all(elsewhere), [200, 404, 404])
  assert.deepEqual(await end(), [0, null])
})

test('examples/metrics.ts has one page for the numbers of the host and of the index', async (t) => {
  const { url, end } = await start(t, 'metrics')
  const large = wheel({
    name: 'large',
    version: '1.0',
    method: 'stored',
    files: { 'large/data': Buffer.alloc(1_100_000) },
  })
  for (const file of [fresh, large])
    assert.equal(await statusOf(fetch(url, { method: 'POST', body: uploadForm(file), headers: ann })), 200)
  const page = await (await fetch(`${url}internal/metrics`)).text()
  assert.match(page, /^large_uploads_total 1$/m)
  assert.match(page, /^pypi_server_changes_total\{kind="publish"\} 2$/m)
  assert.deepEqual(await end(), [0, null])
})

test('every example is started by a test, and is shorter than 40 lines', () => {
  const folder = new URL('../../examples/', import.meta.url)
  const names = readdirSync(folder).filter((name) => name.endsWith('.ts'))
  const tests = ['examples', 'examples-hooks', 'clients/logins'].map(
    (name) => new URL(`../../test/${name}.test.ts`, import.meta.url),
  )
  const sources = tests.map((url) => readFileSync(url, 'utf8')).join('')
  for (const name of names) {
    assert.ok(readFileSync(new URL(name, folder), 'utf8').split('\n').length <= 40, name)
    assert.ok(
      hosts.some((host) => name === `${host}.ts`) || sources.includes(`examples/${name} `),
      `no test is about ${name}`,
    )
  }
})
