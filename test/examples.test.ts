import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { wheel } from './helpers/archives.js'
import { basic, uploadForm } from './helpers/index-server.js'
import { temporaryDirectory } from './helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const fresh = wheel({ name: 'fresh', version: '2.0' })
// SHA-1 of «secret» in base64, as `htpasswd -s` writes it: quick to verify.
const passwords = 'ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n'
const ann = basic('ann', 'secret')
const machine = basic('__token__', 'machine secret')

type Credentials = Readonly<Record<string, string>>
type Environment = Readonly<Record<string, string>>

interface Example {
  /** Address that it printed, with a trailing slash. */
  readonly url: string
  /** Asks it to end; fulfils with its exit code and the signal that killed it, if one did. */
  readonly end: () => Promise<readonly [code: number | null, signal: string | null]>
}

/** Starts a compiled example on a free port, over a directory that holds `demo`. */
async function start(t: TestContext, name: string, environment: Environment = {}): Promise<Example> {
  const root = temporaryDirectory(t)
  const passwordFile = join(temporaryDirectory(t), 'htpasswd')
  writeFileSync(join(root, demo.filename), demo.bytes)
  writeFileSync(passwordFile, passwords)
  const path = fileURLToPath(new URL(`../examples/${name}.js`, import.meta.url))
  const own = { PORT: '0', ROOT: root, PASSWORDS: passwordFile, TOKEN: 'machine secret' }
  const env = { ...process.env, ...own, ...environment }
  const child = spawn(process.execPath, [path], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), exited])) as unknown[]
  const [, url] = /^Listening on (http:\/\/127\.0\.0\.1:\d+\/(?:pypi\/)?)$/.exec(String(line)) ?? []
  assert.ok(url, `${name} printed ${line}`)
  const end: Example['end'] = () => {
    child.kill('SIGTERM')
    return exited
  }
  return { url, end }
}

async function statusOf(response: Promise<Response>): Promise<number> {
  const answered = await response
  await answered.arrayBuffer()
  return answered.status
}

for (const name of ['http', 'express', 'koa', 'fastify', 'hono']) {
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
  const started = ['auther', 'express', 'fastify', 'hono', 'http', 'koa', 'metrics', 'two-indexes'].map(
    (name) => `${name}.ts`,
  )
  assert.deepEqual(names.sort(), started)
  for (const name of names) assert.ok(readFileSync(new URL(name, folder), 'utf8').split('\n').length <= 40, name)
})
