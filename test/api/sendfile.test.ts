import assert from 'node:assert/strict'
import { linkSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createApp, directory } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { serveIndex } from '../helpers/index-server.js'
import { memoryBackend } from '../helpers/memory-backend.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const path = `/packages/${demo.filename}`
/** As a proxy asks on behalf of somebody. */
const proxied = { 'x-forwarded-for': '192.0.2.7' }

type Config = Parameters<typeof serveIndex>[1]

async function serve(t: TestContext, config: Config): Promise<Awaited<ReturnType<typeof serveIndex>>> {
  const root = temporaryDirectory(t)
  writeFileSync(join(root, demo.filename), demo.bytes)
  return await serveIndex(t, { roots: root, ...config })
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer())
}

test('a file is named to nginx by number of the root and path, without body, range or validators', async (t) => {
  const { request } = await serve(t, { sendfile: '/protected/' })
  for (const method of ['GET', 'HEAD']) {
    const response = await request(path, { method, headers: { ...proxied, range: 'bytes=0-9' } })
    assert.equal(response.status, 200)
    for (const [name, value] of Object.entries({
      'x-accel-redirect': `/protected/0/${demo.filename}`,
      'content-type': 'application/octet-stream',
      'content-security-policy': "default-src 'none'; sandbox",
      'cache-control': 'public, no-cache',
      'content-length': '0',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    }))
      assert.equal(response.headers.get(name), value, name)
    // nginx tells these itself; what else a host of the index adds is its own affair.
    for (const name of ['etag', 'last-modified', 'accept-ranges', 'content-range', 'x-sendfile'])
      assert.equal(response.headers.get(name), null, name)
    assert.equal((await bytesOf(response)).length, 0)
  }
})

test('a file is named to Apache by its absolute path, percent-encoded', async (t) => {
  const root = join(temporaryDirectory(t), 'with % and é')
  mkdirSync(root)
  writeFileSync(join(root, demo.filename), demo.bytes)
  const { request } = await serveIndex(t, { roots: root, sendfile: 'x-sendfile' })
  const sent = (await request(path, { headers: proxied })).headers.get('x-sendfile') ?? ''
  assert.match(sent, /^[\x21-\x7e]+$/)
  assert.equal(decodeURIComponent(sent), join(realpathSync(root), demo.filename))
})

test('files of several roots are told apart by the number of the root', async (t) => {
  const roots = [temporaryDirectory(t), temporaryDirectory(t)]
  mkdirSync(join(roots[1] ?? '', 'sub'))
  writeFileSync(join(roots[1] ?? '', 'sub', demo.filename), demo.bytes)
  const { request } = await serveIndex(t, { roots, sendfile: '/a/b/' })
  const response = await request(`/packages/sub/${demo.filename}`, { headers: proxied })
  assert.equal(response.headers.get('x-accel-redirect'), `/a/b/1/sub/${demo.filename}`)
})

test('who comes without a proxy, or through one that is not trusted, gets the bytes', async (t) => {
  const direct = await serve(t, { sendfile: '/protected/' })
  assert.deepEqual(await bytesOf(await direct.request(path)), Buffer.from(demo.bytes))
  const untrusting = await serve(t, { sendfile: '/protected/', trustProxy: ['192.0.2.1'] })
  const response = await untrusting.request(path, { headers: proxied })
  assert.equal(response.headers.get('x-accel-redirect'), null)
  assert.deepEqual(await bytesOf(response), Buffer.from(demo.bytes))
})

test('what is in memory already is handed over as well', async (t) => {
  const { request } = await serve(t, { sendfile: '/protected/' })
  for (let count = 0; count < 3; count += 1) await bytesOf(await request(path))
  assert.ok((await request(path, { headers: proxied })).headers.has('x-accel-redirect'))
})

test('metadata is sent by the index', async (t) => {
  const { request } = await serve(t, { sendfile: '/protected/' })
  const response = await request(`${path}.metadata`, { headers: proxied })
  assert.equal(response.headers.get('x-accel-redirect'), null)
  assert.deepEqual(await bytesOf(response), Buffer.from(demo.metadata))
})

test('who has the file hears so from the index', async (t) => {
  const { request } = await serve(t, { sendfile: '/protected/' })
  const etag = (await request(path)).headers.get('etag') ?? ''
  const response = await request(path, { headers: { ...proxied, 'if-none-match': etag } })
  assert.deepEqual([response.status, response.headers.get('x-accel-redirect')], [304, null])
})

test('logins and rules hold before a file is handed over', async (t) => {
  const config = { authenticate: ['download', 'update'], auther: (name: string) => name === 'ann' } as const
  const { request } = await serve(t, { sendfile: '/protected/', ...config })
  const login = (name: string): string => `Basic ${Buffer.from(`${name}:x`).toString('base64')}`
  for (const [headers, status] of [
    [proxied, 401],
    [{ ...proxied, authorization: login('bob') }, 401],
    [{ ...proxied, authorization: login('ann') }, 200],
  ] as const) {
    const response = await request(path, { headers })
    assert.deepEqual([response.status, response.headers.has('x-accel-redirect')], [status, status === 200])
  }
})

test('files of a quarantined project and files that are not there are 404 as ever', async (t) => {
  const { request, app } = await serve(t, { sendfile: '/protected/' })
  const [file] = (await app.backend.getProject('demo' as never))?.files ?? []
  assert.ok(file)
  await app.backend.setStatus?.(file.project, { status: 'quarantined' })
  for (const wanted of [path, '/packages/absent-1.0.tar.gz']) {
    const response = await request(wanted, { headers: proxied })
    assert.deepEqual([response.status, response.headers.get('x-accel-redirect')], [404, null])
  }
})

test('a file that lies outside of all roots, or hidden in one, is sent by the index', async (t) => {
  const [root, outside] = [temporaryDirectory(t), temporaryDirectory(t)]
  mkdirSync(join(root, '.hidden'))
  const elsewhere = [join(outside, 'a'), join(root, '.hidden', 'b')]
  const files = ['1.0', '2.0'].map((version) => wheel({ name: 'linked', version }))
  for (const [index, { filename, bytes }] of files.entries()) {
    writeFileSync(elsewhere[index] ?? '', bytes)
    symlinkSync(elsewhere[index] ?? '', join(root, filename))
  }
  const hard = wheel({ name: 'hard', version: '1.0' })
  writeFileSync(join(outside, 'c'), hard.bytes)
  linkSync(join(outside, 'c'), join(root, hard.filename))
  const { request } = await serveIndex(t, { roots: root, sendfile: '/protected/' })
  for (const { filename, bytes } of files) {
    const response = await request(`/packages/${filename}`, { headers: proxied })
    assert.equal(response.headers.get('x-accel-redirect'), null)
    if (response.status === 200) assert.deepEqual(await bytesOf(response), Buffer.from(bytes))
  }
  assert.ok((await request(`/packages/${hard.filename}`, { headers: proxied })).headers.has('x-accel-redirect'))
})

test('a root that is a link itself leads to its files', async (t) => {
  const [real, folder] = [temporaryDirectory(t), temporaryDirectory(t)]
  writeFileSync(join(real, demo.filename), demo.bytes)
  symlinkSync(real, join(folder, 'link'))
  const { request } = await serveIndex(t, { roots: join(folder, 'link'), sendfile: 'x-sendfile' })
  const response = await request(path, { headers: proxied })
  assert.equal(response.headers.get('x-sendfile'), join(realpathSync(real), demo.filename))
})

test('a backend that cannot tell where a file lies has the index send it; one that never tells is an error at the start', async (t) => {
  const root = temporaryDirectory(t)
  writeFileSync(join(root, demo.filename), demo.bytes)
  const inner = directory(root)
  t.after(() => inner.close())
  const { request } = await serveIndex(t, {
    backend: { ...inner, localFile: async () => undefined },
    sendfile: '/protected/',
  })
  assert.deepEqual(await bytesOf(await request(path, { headers: proxied })), Buffer.from(demo.bytes))
  const isRefused = { code: 'ERR_PYPI_CONFIG', message: /^sendfile: / }
  assert.throws(() => createApp({ backend: memoryBackend(), sendfile: '/protected/' }), isRefused)
})

for (const trustProxy of [false, []]) {
  test(`sendfile is an error at the start with trustProxy ${JSON.stringify(trustProxy)}`, () => {
    const isRefused = { code: 'ERR_PYPI_CONFIG', message: /^sendfile: trustProxy/ }
    assert.throws(() => createApp({ roots: '.', sendfile: 'x-sendfile', trustProxy }), isRefused)
  })
}
