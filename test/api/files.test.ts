import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { get as getSecurely } from 'node:https'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { connectTo, type IndexServer, isHosted, lackOf, serveIndex } from '../helpers/index-server.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const path = `/packages/${demo.filename}`
const { bytes } = demo

async function serveDemo(t: TestContext): Promise<IndexServer> {
  const server = await serveIndex(t)
  writeFileSync(join(server.root, demo.filename), bytes)
  return server
}

/** Sends the path as it is; fetch() would tidy it up. */
function rawStatus(url: string, rawPath: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { protocol, hostname, port, pathname } = new URL(url)
    const send = protocol === 'https:' ? getSecurely : get
    send({ hostname, port, path: `${pathname}${rawPath.slice(1)}` }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).on('error', reject)
  })
}

test('a file is served whole, with what clients need to ask again', async (t) => {
  const { request } = await serveDemo(t)
  await request('/simple/demo/')
  const response = await request(path)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'application/octet-stream')
  assert.equal(response.headers.get('content-length'), String(bytes.length))
  assert.equal(response.headers.get('accept-ranges'), 'bytes')
  assert.equal(response.headers.get('etag'), `"${createHash('sha256').update(bytes).digest('hex')}"`)
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(bytes))
})

for (const [range, start, end] of [
  ['bytes=0-0', 0, 0],
  ['bytes=5-', 5, bytes.length - 1],
  ['bytes=-10', bytes.length - 10, bytes.length - 1],
  ['bytes=10-999999', 10, bytes.length - 1],
  ['bytes=-999999', 0, bytes.length - 1],
] as const) {
  test(`the range ${range.replace(String(bytes.length), 'size')} is served as 206 with just these bytes`, async (t) => {
    const { request } = await serveDemo(t)
    const response = await request(path, { headers: { range } })
    assert.equal(response.status, 206)
    assert.equal(response.headers.get('content-range'), `bytes ${start}-${end}/${bytes.length}`)
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(bytes.slice(start, end + 1)))
  })
}

for (const range of ['bytes=999999-', 'bytes=-0']) {
  test(`the range ${range} of a short file is 416 and tells the size`, async (t) => {
    const { request } = await serveDemo(t)
    const response = await request(path, { headers: { range } })
    assert.deepEqual([response.status, response.headers.get('content-range')], [416, `bytes */${bytes.length}`])
  })
}

for (const range of ['bytes=0-1,4-6', 'items=0-4', 'bytes=a-b', 'bytes=5-4']) {
  test(`the range ${range} is ignored`, async (t) => {
    const { request } = await serveDemo(t)
    assert.equal((await request(path, { headers: { range } })).status, 200)
  })
}

test('If-Range with another validator gets the whole file, with the right one the range', async (t) => {
  const { request } = await serveDemo(t)
  await request('/simple/demo/')
  const etag = (await request(path)).headers.get('etag') ?? ''
  const ask = (ifRange: string) => request(path, { headers: { range: 'bytes=0-4', 'if-range': ifRange } })
  assert.deepEqual([(await ask(etag)).status, (await ask('"other"')).status], [206, 200])
})

test('If-None-Match with the validator is 304 without a body', async (t) => {
  const { request } = await serveDemo(t)
  await request('/simple/demo/')
  const etag = (await request(path)).headers.get('etag') ?? ''
  const response = await request(path, { headers: { 'if-none-match': etag } })
  assert.deepEqual([response.status, await response.text(), response.headers.get('etag')], [304, '', etag])
  assert.equal((await request(path, { headers: { 'if-none-match': '"other"' } })).status, 200)
})

test('HEAD tells size and validator and sends nothing', async (t) => {
  const { request } = await serveDemo(t)
  const response = await request(path, { method: 'HEAD' })
  assert.deepEqual([response.status, response.headers.get('content-length')], [200, String(bytes.length)])
  assert.equal(await response.text(), '')
})

test('the metadata of a wheel is served byte for byte', async (t) => {
  const { request } = await serveDemo(t)
  const response = await request(`${path}.metadata`)
  assert.equal(response.status, 200)
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(demo.metadata))
})

test('a signature is served beside its file and announced on the page', async (t) => {
  const { root, request } = await serveIndex(t)
  writeFileSync(join(root, `${demo.filename}.asc`), 'signature')
  writeFileSync(join(root, demo.filename), bytes)
  assert.match(await (await request('/simple/demo/')).text(), /data-gpg-sig="true"/)
  assert.equal(await (await request(`${path}.asc`)).text(), 'signature')
})

test('a large file is streamed whole and in ranges', async (t) => {
  const { root, request } = await serveIndex(t)
  const large = Buffer.alloc(3_000_000, 'pypi-server ')
  writeFileSync(join(root, 'large-1.0.zip'), large)
  const whole = Buffer.from(await (await request('/packages/large-1.0.zip')).arrayBuffer())
  assert.ok(whole.equals(large))
  const part = await request('/packages/large-1.0.zip', { headers: { range: 'bytes=1000000-2999998' } })
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(large.subarray(1_000_000, 2_999_999)))
})

for (const rawPath of [
  '/packages/../secret.txt',
  '/packages/..%2fsecret.txt',
  '/packages/%2e%2e/secret.txt',
  '/packages/..%5csecret.txt',
  '/packages/.hidden-1.0.zip',
  '/packages/.pypi-server/digests.jsonl',
  '/packages/folder/',
  '/packages/folder',
  '/packages//etc/passwd',
  '/packages/demo-1.0.zip%00',
  '/packages/%ff',
]) {
  test(`${rawPath} is refused`, { skip: /\.\.|%2e/i.test(rawPath) && lackOf('raw path') }, async (t) => {
    const { root, url } = await serveIndex(t)
    writeFileSync(join(root, '..', 'secret.txt'), 'secret')
    writeFileSync(join(root, '.hidden-1.0.zip'), 'hidden')
    mkdirSync(join(root, 'folder'))
    const status = await rawStatus(url, rawPath)
    assert.ok(status === 400 || status === 404, String(status))
  })
}

test('a link that leads to a file is served, one that leads nowhere is not listed', async (t) => {
  const { root, request } = await serveDemo(t)
  symlinkSync(join(root, demo.filename), join(root, 'linked-1.0-py3-none-any.whl'))
  symlinkSync('/nowhere', join(root, 'broken-1.0-py3-none-any.whl'))
  assert.equal((await request('/packages/linked-1.0-py3-none-any.whl')).status, 200)
  assert.equal((await request('/simple/broken/')).status, 404)
})

for (const target of ['*', '*.asc', 'simple', '@evil.test']) {
  test(`a request whose target is ${target} is refused`, {
    skip: isHosted && 'the host reads the target',
  }, async (t) => {
    const { url } = await serveIndex(t)
    const socket = connectTo(url)
    socket.end(`GET ${target} HTTP/1.1\r\nHost: index.test\r\nConnection: close\r\n\r\n`)
    const chunks: Uint8Array[] = []
    for await (const chunk of socket) chunks.push(chunk)
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1.1 400 /)
  })
}

test('a file and its metadata are answered the same way when they are at hand: whole, by HEAD, unchanged, in part', async (t) => {
  const server = await serveDemo(t)
  // From then on validators are digests.
  await server.request('/simple/demo/')
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 100_000 })
  for (const asked of [path, `${path}.metadata`]) {
    const ask = async (init: RequestInit): Promise<unknown> => {
      const response = await server.request(asked, init)
      // A session of the host has another cookie for each request.
      const { date, 'set-cookie': session, ...headers } = Object.fromEntries(response.headers)
      return [response.status, headers, await response.text()]
    }
    const validator = (await server.request(asked)).headers.get('etag') ?? ''
    const inits = [
      {},
      { method: 'HEAD' },
      { headers: { 'if-none-match': validator } },
      { headers: { range: 'bytes=0-9' } },
    ]
    const first: unknown[] = []
    for (const init of inits) first.push(await ask(init))
    for (const [index, init] of inits.entries()) assert.deepEqual(await ask(init), first[index])
    assert.deepEqual(
      first.map((answer) => (answer as [number])[0]),
      [200, 200, 304, 206],
    )
  }
})
