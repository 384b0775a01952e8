import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type ByteReader, createApp, type OpenedFile } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { connectTo, type IndexServer, listen, mountPath, serveIndex } from '../helpers/index-server.js'
import { memoryBackend } from '../helpers/memory-backend.js'
import { temporaryDirectory } from '../helpers/temporary.js'

// More than a socket takes in at once.
const large = wheel({ name: 'large', version: '1.0', files: { 'large/noise.bin': randomBytes(4_000_000) } })
const path = `/packages/${large.filename}`

async function serveLarge(t: TestContext): Promise<IndexServer> {
  const root = temporaryDirectory(t)
  writeFileSync(join(root, large.filename), large.bytes)
  const server = await serveIndex(t, { roots: root })
  await server.request('/simple/large/')
  return server
}

/** Begins to download and goes away in the middle. */
function abandon(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTo(url)
    socket.write(`GET ${mountPath}${path.slice(1)} HTTP/1.1\r\nhost: x\r\n\r\n`)
    socket.once('data', () => socket.destroy())
    socket.once('close', () => resolve()).once('error', reject)
  })
}

async function abandonMany(url: string, count: number): Promise<void> {
  for (let done = 0; done < count; done += 50) {
    await Promise.all(Array.from({ length: 50 }, () => abandon(url)))
  }
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}

test('thousands of downloads that are broken off leave no descriptor open and no memory taken', {
  skip: process.platform !== 'linux' && 'counts descriptors in /proc',
}, async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { url } = await serveLarge(t)
  const used = (): number => {
    collect()
    return process.memoryUsage().arrayBuffers
  }
  await abandonMany(url, 200)
  const [descriptors, bytes] = [openDescriptors(), used()]
  await abandonMany(url, 2000)
  // One of a file that was served lately stays open for a while.
  await eventually(() => openDescriptors() <= descriptors + 1)
  await eventually(() => used() < bytes + 16 * 1024 * 1024)
})

test('large files reach many clients at once, each of its own speed, byte by byte', async (t) => {
  const { request } = await serveLarge(t)
  const bodies = await Promise.all(
    Array.from({ length: 8 }, async (_, index) => {
      const range = index % 2 === 0 ? undefined : `bytes=${index * 1000}-`
      const response = await request(path, range === undefined ? {} : { headers: { range } })
      const whole = Buffer.from(await response.arrayBuffer())
      return whole.equals(Buffer.from(large.bytes.subarray(range === undefined ? 0 : index * 1000)))
    }),
  )
  assert.deepEqual(new Set(bodies), new Set([true]))
})

test('a host that replaces write() and forgets its callback sends whole files all the same', async (t) => {
  const root = temporaryDirectory(t)
  writeFileSync(join(root, large.filename), large.bytes)
  const app = createApp({ roots: root })
  t.after(() => app.close())
  const origin = await listen(t, (req, res) => {
    const write = res.write.bind(res)
    res.write = (chunk: Uint8Array) => write(chunk)
    void app(req, res)
  })
  const response = await fetch(`${origin}${path}`)
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(Buffer.from(large.bytes)))
})

interface FakeBody extends ByteReader {
  readonly closed: () => number
}

/** A reader of these pieces, then of what `end` does. */
function fakeBody(pieces: readonly string[], end: () => Promise<number> = async () => 0): FakeBody {
  const rest = [...pieces]
  let closed = 0
  return {
    readInto: async (target) => {
      const piece = rest.shift()
      if (piece === undefined) return await end()
      target.set(Buffer.from(piece))
      return piece.length
    },
    close: async () => {
      closed += 1
    },
    closed: () => closed,
  }
}

/** An index whose backend opens every file with this body, of which it says that it has `size` bytes. */
async function serveBody(t: TestContext, body: ByteReader, size: number): Promise<IndexServer & { file: string }> {
  const inner = memoryBackend()
  const openFile = async (): Promise<OpenedFile> => ({ size, etag: 'x', modifiedMs: 0, body })
  const server = await serveIndex(t, { backend: { ...inner, openFile } })
  const form = new FormData()
  const demo = wheel({ name: 'demo', version: '1.0' })
  form.append(':action', 'file_upload')
  form.append('content', new Blob([demo.bytes as Uint8Array<ArrayBuffer>]), demo.filename)
  assert.equal((await server.post(form)).status, 200)
  const page = await (await server.request('/simple/demo/')).text()
  return { ...server, file: /href="[./]+([^"#]+)/.exec(page)?.[1] ?? '' }
}

test('the pieces of a reader arrive in their order, and it is closed at the end', async (t) => {
  const body = fakeBody(['one ', 'two ', 'three'])
  const { request, file } = await serveBody(t, body, 13)
  assert.equal(await (await request(file)).text(), 'one two three')
  await eventually(() => body.closed() > 0)
})

for (const [what, end] of [
  ['fails', () => Promise.reject(new Error('the disk is gone'))],
  ['ends before its length', () => Promise.resolve(0)],
] as const) {
  test(`a body that ${what} breaks the connection off, so that nobody takes it for whole`, async (t) => {
    const body = fakeBody(['one '], end)
    const { request, file } = await serveBody(t, body, 13)
    await assert.rejects(async () => await (await request(file)).text())
    await eventually(() => body.closed() > 0)
  })

  test(`a body that ${what} errors for fetch hosts`, async (t) => {
    const body = fakeBody(['one '], end)
    const { app, file } = await serveBody(t, body, 13)
    const response = await app.fetch(new Request(new URL(file, 'http://index.test/')))
    if (what === 'fails') await assert.rejects(response.text())
    else assert.equal(response.headers.get('content-length'), '13')
    await response.body?.cancel().catch(() => {})
    if (what === 'fails') assert.ok(body.closed() > 0)
  })
}

for (const [what, init] of [
  ['HEAD', { method: 'HEAD' }],
  ['a validator that still holds', { headers: { 'if-none-match': '"x"' } }],
] as const) {
  test(`the body of a file that is asked for with ${what} is closed unread`, async (t) => {
    const body = fakeBody([], () => Promise.reject(new Error('it was read')))
    const { request, app, file } = await serveBody(t, body, 13)
    await (await request(file, init)).text()
    assert.ok(body.closed() > 0)
    const closed = body.closed()
    await app.fetch(new Request(new URL(file, 'http://index.test/'), init))
    assert.ok(body.closed() > closed)
  })
}

test('a fetch host that cancels a download lets go of its body', async (t) => {
  const body = fakeBody(['one ', 'two '])
  const { app, file } = await serveBody(t, body, 13)
  const response = await app.fetch(new Request(new URL(file, 'http://index.test/')))
  await response.body?.cancel()
  assert.ok(body.closed() > 0)
})
