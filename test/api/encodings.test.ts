import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { type Config, createApp } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { memoryBackend } from '../helpers/memory-backend.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const unpack: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  identity: (bytes) => bytes,
  gzip: gunzipSync,
  br: brotliDecompressSync,
}
const pages = [
  '/simple/',
  '/simple/demo/',
  '/packages/',
  '/pypi/demo/json',
  '/rss/updates.xml',
  '/rss/project/demo/releases.xml',
]

type Get = (path: string, headers?: Readonly<Record<string, string>>, method?: string) => Promise<Response>

/** An index with these versions of demo that is asked without a client that unpacks by itself. */
function index(t: TestContext, { versions = ['1.0'], ...config }: Partial<Config> & { versions?: string[] } = {}): Get {
  const roots = temporaryDirectory(t)
  for (const version of versions) {
    const { filename, bytes } = wheel({ name: 'demo', version, requiresPython: '>=3.9' })
    writeFileSync(join(roots, filename), bytes)
  }
  const app = createApp({ roots, authenticate: [], ...config })
  t.after(() => app.close())
  return (path, headers = {}, method = 'GET') =>
    app.fetch(new Request(`http://localhost${path}`, { headers: { ...headers }, method }))
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer())
}

for (const path of pages) {
  test(`${path} is packed as the client likes it, with equal contents and a validator for each coding`, async (t) => {
    const get = index(t)
    const plain = await bytesOf(await get(path))
    const etags = new Set<string | null>()
    for (const coding of ['identity', 'gzip', 'br']) {
      const response = await get(path, { 'accept-encoding': coding })
      const packed = await bytesOf(response)
      assert.equal(response.headers.get('content-encoding') ?? 'identity', coding)
      assert.equal(response.headers.get('content-length'), String(packed.length))
      assert.match(response.headers.get('vary') ?? '', /\bAccept-Encoding$/)
      assert.deepEqual(Buffer.from(unpack[coding]?.(packed) ?? []), plain)
      etags.add(response.headers.get('etag'))
    }
    assert.equal(etags.size, 3)
  })
}

test('a page in one coding is not unchanged for who has it in another', async (t) => {
  const get = index(t)
  const headers = { 'accept-encoding': 'gzip' }
  const etag = (await get('/simple/demo/', headers)).headers.get('etag') ?? ''
  const again = await get('/simple/demo/', { ...headers, 'if-none-match': etag })
  assert.deepEqual(
    [again.status, again.headers.get('etag'), again.headers.get('content-encoding')],
    [304, etag, 'gzip'],
  )
  assert.equal((await get('/simple/demo/', { 'if-none-match': etag })).status, 200)
})

test('HEAD tells the length of the packed page', async (t) => {
  const get = index(t)
  const headers = { 'accept-encoding': 'gzip' }
  const got = await get('/simple/demo/', headers)
  const head = await get('/simple/demo/', headers, 'HEAD')
  for (const name of ['content-encoding', 'content-length', 'etag', 'vary']) {
    assert.equal(head.headers.get(name), got.headers.get(name), name)
  }
  assert.equal((await bytesOf(head)).length, 0)
})

test('distribution files and their metadata are never packed', async (t) => {
  const get = index(t)
  for (const suffix of ['', '.metadata']) {
    const response = await get(`/packages/demo-1.0-py3-none-any.whl${suffix}`, { 'accept-encoding': 'br, gzip' })
    assert.deepEqual([response.status, response.headers.get('content-encoding')], [200, null])
    assert.equal(response.headers.get('vary'), null)
    await response.arrayBuffer()
  }
})

test('who accepts no coding that is known here, and not even none, gets the page as it is', async (t) => {
  const response = await index(t)('/simple/demo/', { 'accept-encoding': 'compress, identity;q=0' })
  assert.deepEqual([response.status, response.headers.get('content-encoding')], [200, null])
  await response.arrayBuffer()
})

test('a page that is too large to be packed at once is right for all who wait for it', async (t) => {
  const versions = Array.from({ length: 200 }, (_, minor) => `1.${minor}`)
  const get = index(t, { versions })
  const plain = await bytesOf(await get('/simple/demo/'))
  assert.ok(plain.length > 32 * 1024)
  const all = await Promise.all(
    [1, 2, 3, 4].map(async () => gunzipSync(await bytesOf(await get('/simple/demo/', { 'accept-encoding': 'gzip' })))),
  )
  for (const unpacked of all) assert.deepEqual(unpacked, plain)
})

for (const maxPageCacheBytes of [0, 1, Number.POSITIVE_INFINITY]) {
  test(`pages are the same with ${maxPageCacheBytes} bytes of them kept`, async (t) => {
    const get = index(t, { limits: { maxPageCacheBytes } })
    const first = await bytesOf(await get('/simple/demo/', { 'accept-encoding': 'gzip' }))
    assert.deepEqual(await bytesOf(await get('/simple/demo/', { 'accept-encoding': 'gzip' })), first)
    assert.match(gunzipSync(first).toString(), /demo-1\.0-py3-none-any\.whl/)
  })
}

test('a page shows a change at once, whatever was kept of it', async () => {
  const backend = memoryBackend()
  const app = createApp({ backend, authenticate: [] })
  const page = async (): Promise<string> => await (await app.fetch(new Request('http://localhost/simple/demo/'))).text()
  for (const version of ['1.0', '2.0']) {
    const { filename, bytes } = wheel({ name: 'demo', version })
    const form = new FormData()
    for (const [name, value] of Object.entries({ ':action': 'file_upload', protocol_version: '1' }))
      form.append(name, value)
    form.append('content', new Blob([new Uint8Array(bytes)]), filename)
    const { status } = await app.fetch(new Request('http://localhost/', { method: 'POST', body: form }))
    assert.equal(status, 200)
    assert.ok((await page()).includes(filename))
  }
})
