import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sdist, wheel } from '../helpers/archives.js'
import { type IndexServer, serveIndex } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { ask } from './wire.js'

const demo = sdist({ name: 'demo', version: '1.0' })
const modified = new Date('2024-05-06T07:08:09Z')
const path = `/packages/${demo.filename}`

async function serveDemo(t: TestContext, config = {}): Promise<IndexServer> {
  const server = await serveIndex(t, config)
  writeFileSync(join(server.root, demo.filename), demo.bytes)
  utimesSync(join(server.root, demo.filename), modified, modified)
  return server
}

for (const [filename, type] of [
  ['demo-1.0-py3-none-any.whl', 'application/octet-stream'],
  ['demo-1.0-py2.7.egg', 'application/octet-stream'],
  ['demo-1.0.zip', 'application/zip'],
  ['demo-1.0.tar.gz', 'application/gzip'],
  ['demo-1.0.tgz', 'application/gzip'],
  ['demo-1.0.tar.bz2', 'application/x-bzip2'],
  ['demo-1.0.tar.xz', 'application/x-xz'],
  ['demo-1.0.win32-py2.7.exe', 'application/octet-stream'],
  ['demo-1.0.win-amd64-py3.10.msi', 'application/octet-stream'],
] as const) {
  test(`${filename} is served as ${type}, with no encoding and nothing for a browser to guess`, async (t) => {
    const { root, request } = await serveIndex(t)
    writeFileSync(join(root, filename), demo.bytes)
    const { status, headers } = await request(`/packages/${filename}`)
    assert.deepEqual([status, headers.get('content-type')], [200, type])
    assert.deepEqual([headers.get('content-encoding'), headers.get('x-content-type-options')], [null, 'nosniff'])
  })
}

test('a signature is served as plain text', async (t) => {
  const { root, request } = await serveDemo(t)
  writeFileSync(join(root, `${demo.filename}.asc`), 'signature')
  const response = await request(`${path}.asc`)
  assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/plain; charset=UTF-8'])
})

test('a file tells its length, its time and that it takes ranges', async (t) => {
  const { request } = await serveDemo(t)
  const { headers } = await request(path)
  assert.equal(headers.get('content-length'), String(demo.bytes.length))
  assert.equal(headers.get('last-modified'), 'Mon, 06 May 2024 07:08:09 GMT')
  assert.equal(headers.get('accept-ranges'), 'bytes')
})

for (const [since, status] of [
  ['Mon, 06 May 2024 07:08:09 GMT', 304],
  ['Tue, 07 May 2024 07:08:09 GMT', 304],
  ['Sun, 05 May 2024 07:08:09 GMT', 200],
  ['yesterday', 200],
] as const) {
  test(`a file that is asked for if modified since ${since} is answered ${status}`, async (t) => {
    const { request } = await serveDemo(t)
    const response = await request(path, { headers: { 'if-modified-since': since } })
    assert.equal(response.status, status)
    assert.equal((await response.arrayBuffer()).byteLength, status === 304 ? 0 : demo.bytes.length)
  })
}

test('who has the file is answered 304 also when a range is asked for', async (t) => {
  const { request } = await serveDemo(t)
  const headers = { 'if-modified-since': modified.toUTCString(), range: 'bytes=0-4' }
  const response = await request(path, { headers })
  assert.deepEqual([response.status, response.headers.get('content-range')], [304, null])
})

test('HEAD with a range has the headers of GET', async (t) => {
  const { request } = await serveDemo(t)
  const response = await request(path, { method: 'HEAD', headers: { range: 'bytes=0-4' } })
  assert.deepEqual([response.status, response.headers.get('content-length')], [206, '5'])
  assert.equal(response.headers.get('content-range'), `bytes 0-4/${demo.bytes.length}`)
  assert.equal(await response.text(), '')
})

test('with cache-control files may be kept for its seconds, whole, in ranges and when asked again', async (t) => {
  const { request } = await serveDemo(t, { cacheControl: 86400 })
  const cacheControl = async (of: string, headers = {}): Promise<string | null> =>
    (await request(of, { headers })).headers.get('cache-control')
  for (const headers of [{}, { range: 'bytes=0-4' }, { 'if-modified-since': modified.toUTCString() }]) {
    assert.equal(await cacheControl(path, headers), 'public, max-age=86400')
  }
  for (const other of ['/simple/demo/', '/packages/', '/packages/missing-1.0.zip']) {
    assert.doesNotMatch((await cacheControl(other)) ?? '', /max-age/, other)
  }
})

test('a cache-control of 0 seconds is sent, and without one clients ask each time', async (t) => {
  const [zero, none] = [await serveDemo(t, { cacheControl: 0 }), await serveDemo(t)]
  assert.equal((await zero.request(path)).headers.get('cache-control'), 'public, max-age=0')
  assert.equal((await none.request(path)).headers.get('cache-control'), 'public, no-cache')
})

test('a file is found under the path on its page and no other', async (t) => {
  const { root, url } = await serveDemo(t)
  mkdirSync(join(root, 'sub'))
  writeFileSync(join(root, 'sub', 'other-1.0.zip'), demo.bytes)
  writeFileSync(join(root, 'README.txt'), 'text')
  writeFileSync(join(root, 'some_wheel.whl'), 'text')
  const statusOf = async (of: string): Promise<number> => (await ask(url, `/packages/${of}`)).status
  assert.deepEqual([await statusOf(demo.filename), await statusOf('sub/other-1.0.zip')], [200, 200])
  for (const of of [
    'other-1.0.zip',
    `sub/../${demo.filename}`,
    'sub',
    'sub/',
    'README.txt',
    'some_wheel.whl',
    `${demo.filename}/`,
    demo.filename.toUpperCase(),
  ]) {
    assert.equal(await statusOf(of), 404, of)
  }
})

test('the path of a file is decoded once', async (t) => {
  const { root, url } = await serveIndex(t)
  const { filename, bytes } = wheel({ name: 'demo', version: '1.0+cu121' })
  writeFileSync(join(root, filename), bytes)
  assert.equal((await ask(url, `/packages/${filename}`)).status, 200)
  assert.equal((await ask(url, `/packages/${filename.replace('+', '%2B')}`)).status, 200)
  assert.equal((await ask(url, `/packages/${filename.replace('+', '%252B')}`)).status, 404)
})

test('a file that is missing is 404 with one line that names it', async (t) => {
  const { request } = await serveDemo(t)
  const response = await request('/packages/missing-1.0.zip')
  assert.deepEqual([response.status, await response.text()], [404, '"missing-1.0.zip" does not exist\n'])
})

test('files come from the first directory that has their path', async (t) => {
  const [first, second] = [temporaryDirectory(t), temporaryDirectory(t)]
  writeFileSync(join(first, 'demo-1.0.zip'), 'PK first')
  writeFileSync(join(second, 'demo-1.0.zip'), 'PK second')
  writeFileSync(join(second, 'demo-2.0.zip'), 'PK third')
  const { request } = await serveIndex(t, { roots: [first, second] })
  const textOf = async (name: string): Promise<string> => await (await request(`/packages/${name}`)).text()
  assert.deepEqual([await textOf('demo-1.0.zip'), await textOf('demo-2.0.zip')], ['PK first', 'PK third'])
})

test('links to files are served wherever they lead, links to directories are not entered', async (t) => {
  const [root, outside] = [temporaryDirectory(t), temporaryDirectory(t)]
  writeFileSync(join(outside, 'out-1.0.zip'), 'no archive')
  symlinkSync(join(outside, 'out-1.0.zip'), join(root, 'linked-1.0.zip'))
  symlinkSync(outside, join(root, 'folder'), 'junction')
  const { request } = await serveIndex(t, { roots: root })
  assert.equal((await request('/packages/linked-1.0.zip')).status, 200)
  assert.equal((await request('/packages/folder/out-1.0.zip')).status, 404)
  assert.equal((await request('/simple/out/')).status, 404)
})

test('directories may be called like packages, and are no files', async (t) => {
  const { root, request } = await serveIndex(t)
  mkdirSync(join(root, 'dir-1.0.zip'))
  writeFileSync(join(root, 'dir-1.0.zip', 'in-1.0.zip'), 'no archive')
  assert.equal((await request('/packages/dir-1.0.zip/in-1.0.zip')).status, 200)
  assert.equal((await request('/packages/dir-1.0.zip')).status, 404)
  assert.doesNotMatch(await (await request('/simple/')).text(), />dir</)
})

test('a root below a hidden directory is served', async (t) => {
  const root = join(temporaryDirectory(t), '.hidden')
  mkdirSync(root)
  writeFileSync(join(root, demo.filename), demo.bytes)
  const { request } = await serveIndex(t, { roots: root })
  assert.equal((await request(path)).status, 200)
})

test('a file that vanished does not take the pages of the others with it', async (t) => {
  const { root, request } = await serveDemo(t)
  writeFileSync(join(root, 'demo-2.0.tar.gz'), demo.bytes)
  assert.equal((await request('/simple/')).status, 200)
  unlinkSync(join(root, 'demo-2.0.tar.gz'))
  assert.equal((await request('/packages/demo-2.0.tar.gz')).status, 404)
  for (const of of ['/packages/', '/simple/demo/']) {
    const response = await request(of)
    assert.equal(response.status, 200)
    assert.ok((await response.text()).includes(demo.filename))
  }
})

test('a client that is slow holds up no other', async (t) => {
  const { request, url } = await serveDemo(t)
  const slow = ask(url, '/', { method: 'POST', headers: ['Host: x', 'Content-Length: 10'] })
  assert.equal((await request(path)).status, 200)
  await assert.doesNotReject(request('/simple/'))
  void slow.catch(() => {})
})

test('a named pipe is no file, whatever its name', { skip: process.platform === 'win32' }, async (t) => {
  const { root, request } = await serveDemo(t)
  execFileSync('mkfifo', [join(root, 'pipe-1.0.zip')])
  assert.doesNotMatch(await (await request('/simple/')).text(), />pipe</)
  assert.equal((await request('/packages/pipe-1.0.zip')).status, 404)
})
