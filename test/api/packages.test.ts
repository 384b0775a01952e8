import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { sdist, wheel } from '../helpers/archives.js'
import { connectTo, lackOf, serveIndex } from '../helpers/index-server.js'

const put = (folder: string, { filename, bytes }: { filename: string; bytes: Uint8Array }): void =>
  writeFileSync(join(folder, filename), bytes)

/** Sends a request as upip does: HTTP/1.0 and nothing but the host. */
async function askAsUpip(url: string, path: string): Promise<{ readonly head: string; readonly body: string }> {
  const { host, pathname } = new URL(path.slice(1), url)
  const socket = connectTo(url)
  socket.write(`GET ${pathname} HTTP/1.0\r\nHost: ${host}\r\n\r\n`)
  const [head = '', body = ''] = (await text(socket)).split('\r\n\r\n')
  return { head, body }
}

test('the list of all files goes folder by folder, each link leading to its file', async (t) => {
  const { root, request } = await serveIndex(t)
  mkdirSync(join(root, 'a b'))
  const [first, second, nested] = ['1.10', '1.9', '2.0'].map((version) => wheel({ name: 'demo', version }))
  assert.ok(first && second && nested)
  put(root, first)
  put(root, second)
  put(join(root, 'a b'), nested)
  const page = await (await request('/packages/')).text()
  assert.deepEqual(
    [...page.matchAll(/<a href="([^"#]*)#sha256=\w{64}">([^<]*)<\/a>/g)].map(([, href, shown]) => [href, shown]),
    [
      [`../packages/${second.filename}`, second.filename],
      [`../packages/${first.filename}`, first.filename],
      [`../packages/a%20b/${nested.filename}`, `a b/${nested.filename}`],
    ],
  )
})

test('/packages leads to the list of all files', async (t) => {
  const { request } = await serveIndex(t)
  const response = await request('/packages')
  assert.deepEqual([response.status, response.headers.get('location')], [301, 'packages/'])
})

test('/<project>/json tells the newest version and absolute addresses, the newest version first', async (t) => {
  const { root, request, url } = await serveIndex(t)
  const files = [
    sdist({ name: 'demo', version: '1.0' }),
    wheel({ name: 'demo', version: '1.1' }),
    sdist({ name: 'demo', version: '2.0rc1' }),
  ]
  for (const file of files) put(root, file)
  const response = await request('/demo/json')
  assert.equal(response.headers.get('content-type'), 'application/json')
  const urlOf = (index: number): string => `${url}packages/${files[index]?.filename}`
  assert.deepEqual(await response.json(), {
    info: { version: '1.1' },
    releases: { '2.0rc1': [{ url: urlOf(2) }], '1.1': [{ url: urlOf(1) }], '1.0': [{ url: urlOf(0) }] },
  })
})

test('/<project>/json of an unknown project is 404, also with a fallback', async (t) => {
  const { request } = await serveIndex(t, { fallbackUrl: 'https://pypi.org/simple/' })
  const response = await request('/foo/json')
  assert.deepEqual([response.status, await response.text()], [404, 'package foo not found\n'])
})

test('/<project>/json leads from other spellings to the normalized name', async (t) => {
  const { request } = await serveIndex(t)
  const response = await request('/Foo_Bar/json')
  assert.deepEqual([response.status, response.headers.get('location')], [301, '../foo-bar/json'])
})

test('upip gets one gzipped tar a release, without redirect, chunks or compression', {
  skip: lackOf('HTTP version'),
}, async (t) => {
  const { root, url } = await serveIndex(t)
  const source = sdist({ name: 'micro-demo', version: '1.0' })
  put(root, source)
  put(root, wheel({ name: 'micro-demo', version: '1.0' }))
  const { head, body } = await askAsUpip(url, '/micro_demo/json')
  assert.match(head, /^HTTP\/1\.1 200 /)
  assert.doesNotMatch(head, /transfer-encoding|content-encoding/i)
  const { releases } = JSON.parse(body) as { releases: Record<string, { url: string }[]> }
  assert.deepEqual(releases, { '1.0': [{ url: `${url}packages/${source.filename}` }] })
  const download = await fetch(releases['1.0']?.[0]?.url ?? '')
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
  assert.equal(sha256(Buffer.from(await download.arrayBuffer())), sha256(source.bytes))
})

for (const [headers, expected] of [
  [{ 'x-forwarded-host': 'pypi.example.com/priv', 'x-forwarded-proto': 'https' }, 'https://pypi.example.com/priv/'],
  [
    { 'x-forwarded-host': 'evil.example, pypi.example.com:8443/a/b/', 'x-forwarded-proto': 'http' },
    'http://pypi.example.com:8443/a/b/',
  ],
  [{ 'x-forwarded-proto': 'javascript' }, undefined],
  [{ 'x-forwarded-host': '"><script>' }, undefined],
] as const) {
  test(`behind a proxy on this machine that says ${JSON.stringify(headers)} absolute addresses are right`, {
    skip: lackOf('mount path'),
  }, async (t) => {
    const { root, request, url } = await serveIndex(t)
    put(root, sdist({ name: 'demo', version: '1.0' }))
    const body = await (await request('/demo/json', { headers })).text()
    const { protocol, pathname } = new URL(url)
    const isSchemeTold = 'x-forwarded-proto' in headers
    const told = isSchemeTold ? expected : expected?.replace('http:', protocol)
    const mountPoint = told === undefined ? url : `${told}${pathname.slice(1)}`
    assert.ok(body.includes(`"${mountPoint}packages/demo-1.0.tar.gz"`), body)
  })
}

test('a proxy that is not trusted cannot choose the addresses', { skip: lackOf('mount path') }, async (t) => {
  const { root, request, url } = await serveIndex(t, { trustProxy: false })
  put(root, sdist({ name: 'demo', version: '1.0' }))
  const headers = { 'x-forwarded-host': 'evil.example' }
  assert.ok((await (await request('/demo/json', { headers })).text()).includes(`"${url}packages/`))
})

test('others get their turn while the list of all files is put together', async (t) => {
  const { root, app } = await serveIndex(t)
  for (let at = 0; at < 300; at += 1) writeFileSync(join(root, `demo${at}-1.0.zip`), 'no zip')
  const list = async (): Promise<string> => await (await app.fetch(new Request('http://x/packages/'))).text()
  assert.equal((await list()).match(/<a /g)?.length, 300)
  let turns = 0
  let next = setImmediate(function count() {
    turns += 1
    next = setImmediate(count)
  })
  await list()
  clearImmediate(next)
  assert.ok(turns >= 300, `${turns} turns`)
})
