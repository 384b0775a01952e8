import assert from 'node:assert/strict'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import fileSystem from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Limits } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { type IndexServer, mountPath, serveIndex, uploadForm } from '../helpers/index-server.js'
import { fileHead, formHead, type RawClient, rawClient } from '../helpers/raw-client.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const other = wheel({ name: 'other', version: '1.0' })
const visible = (root: string): readonly string[] => readdirSync(root).filter((name) => !name.startsWith('.'))
const spooled = (root: string): readonly string[] => {
  const folder = join(root, '.pypi-server', 'spool')
  return existsSync(folder) ? readdirSync(folder) : []
}

/** An index in which an upload is running that does not end by itself. */
async function busyIndex(
  t: TestContext,
  limits: Partial<Limits>,
): Promise<IndexServer & { readonly upload: RawClient }> {
  const index = await serveIndex(t, { limits })
  const upload = await rawClient(t, index.url)
  upload.send(formHead(100_000), fileHead(demo.filename), 'PK')
  await eventually(() => spooled(index.root).length === 1)
  return { ...index, upload }
}

test('an upload that finds no turn free is told 503 at once, while health, pages and downloads go on', async (t) => {
  const { post, request } = await busyIndex(t, { maxUploads: 1, maxWaitingUploads: 0 })
  const response = await post(uploadForm(other))
  assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '2'])
  for (const path of ['/health', '/simple/', '/packages/']) assert.equal((await request(path)).status, 200, path)
})

test('an upload waits until it is its turn', async (t) => {
  const { post, upload, root } = await busyIndex(t, { maxUploads: 1, maxWaitingUploads: 1 })
  const waiting = post(uploadForm(other))
  upload.socket.destroy()
  assert.equal((await waiting).status, 200)
  assert.deepEqual(visible(root), [other.filename])
})

test('an upload that waits too long is told 503', async (t) => {
  const { post } = await busyIndex(t, { maxUploads: 1, maxUploadWaitMs: 1 })
  assert.equal((await post(uploadForm(other))).status, 503)
})

test('an upload whose length is above the limit is refused before its body', async (t) => {
  const { url, root } = await serveIndex(t)
  const client = await rawClient(t, url)
  client.send(formHead(2 * 1024 ** 3))
  assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1.1 413 .*\r\n/)
  assert.deepEqual(spooled(root), [])
})

test('a body that is packed is refused', async (t) => {
  const { post } = await serveIndex(t)
  const response = await post(uploadForm(demo), { headers: { 'content-encoding': 'gzip' } })
  assert.equal(response.status, 415)
})

test('a body of which nothing comes any more is told 408, and leaves nothing', async (t) => {
  const { url, root } = await serveIndex(t, { limits: { maxUploadIdleMs: 50 } })
  const upload = await rawClient(t, url)
  upload.send(formHead(100_000), fileHead(demo.filename), 'PK')
  assert.match(await upload.until(/\r\n\r\n/), /^HTTP\/1.1 408 .*\r\n/)
  assert.deepEqual(spooled(root), [])
})

test('a call of the XML-RPC API that stands still is told 408', async (t) => {
  const { url } = await serveIndex(t, { limits: { maxUploadIdleMs: 30 } })
  const client = await rawClient(t, url)
  client.send(`POST ${mountPath}RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n<?xml`)
  assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1.1 408 /)
})

for (const [limit, path] of [
  ['maxRpcBytes', '/RPC2'],
  ['maxRpcBytes', '/pypi'],
] as const) {
  test(`a call of ${path} above ${limit} is refused, whether its length is told or not`, async (t) => {
    const { request } = await serveIndex(t, { limits: { [limit]: 100 } })
    const long = 'x'.repeat(101)
    const chunked = new Blob([long]).stream()
    for (const body of [long, chunked]) {
      const response = await request(path, { method: 'POST', body, duplex: 'half' } as RequestInit)
      assert.equal(response.status, 413)
    }
  })
}

for (const [limit, fields] of [
  ['maxFormFields', { a: '1', b: '2', c: '3' }],
  ['maxFieldBytes', { summary: 'xxxx' }],
  ['maxFormBytes', { a: 'x', b: 'x', c: 'x' }],
] as const) {
  test(`a form above ${limit} is refused and leaves nothing`, async (t) => {
    const { root, post } = await serveIndex(t, { limits: { [limit]: 3 } })
    assert.equal((await post(uploadForm(demo, { ...fields, ':action': undefined }))).status, 400)
    assert.deepEqual([visible(root), spooled(root)], [[], []])
  })
}

/** Makes every disk look as full as told. */
function disksWith(t: TestContext, tell: () => { readonly freeBytes: number; readonly bytes: number }): void {
  const real = fileSystem.statfs
  const told = async (): Promise<object> => {
    const { freeBytes, bytes } = tell()
    return { bavail: freeBytes, blocks: bytes, bsize: 1 }
  }
  Object.assign(fileSystem, { statfs: told })
  syncBuiltinESMExports()
  t.after(() => {
    Object.assign(fileSystem, { statfs: real })
    syncBuiltinESMExports()
  })
}

test('an upload that would leave less room than is kept is 507, while removals and downloads go on', async (t) => {
  const { root, post, request } = await serveIndex(t)
  // Not uploaded: what was found of the disk then would count for a tenth of a second.
  writeFileSync(join(root, demo.filename), demo.bytes)
  disksWith(t, () => ({ freeBytes: 1024 ** 2, bytes: 1024 ** 4 }))
  assert.equal((await post(uploadForm(other))).status, 507)
  assert.deepEqual([visible(root), spooled(root)], [[demo.filename], []])
  assert.equal((await request(`/packages/${demo.filename}`)).status, 200)
  const removal = new URLSearchParams({ ':action': 'remove_pkg', name: 'demo', version: '1.0' })
  assert.equal((await request('/', { method: 'POST', body: removal })).status, 200)
})

test('a small disk is kept free by a hundredth only', async (t) => {
  const { post } = await serveIndex(t)
  disksWith(t, () => ({ freeBytes: 1024 ** 2, bytes: 20 * 1024 ** 2 }))
  assert.equal((await post(uploadForm(demo))).status, 200)
})

test('an upload that says it is larger than what is free is 507 before its body', async (t) => {
  const { url } = await serveIndex(t)
  disksWith(t, () => ({ freeBytes: 500 * 1024 ** 2, bytes: 1024 ** 4 }))
  const client = await rawClient(t, url)
  client.send(formHead(600 * 1024 ** 2))
  assert.match(await client.until(/\r\n\r\n/), /^HTTP\/1.1 507 /)
})

test('an upload during which the disk fills up is 507, and leaves nothing', async (t) => {
  let freeBytes = 1024 ** 3
  disksWith(t, () => ({ freeBytes, bytes: 1024 ** 4 }))
  const { upload, root } = await busyIndex(t, {})
  freeBytes = 0
  assert.match(await upload.until(/\r\n\r\n/), /^HTTP\/1.1 507 /)
  assert.deepEqual(spooled(root), [])
})
