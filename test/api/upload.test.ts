import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Candidate } from 'pypi-server'
import { sdist, wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { connectTo, lackOf, serveIndex, uploadForm } from '../helpers/index-server.js'

const demo = wheel({ name: 'demo', version: '1.0', requiresPython: '>=3.8' })
const other = wheel({ name: 'demo', version: '1.0', files: { 'demo/other.py': 'x = 1\n' } })
const digest = (algorithm: string, bytes: Uint8Array): string => createHash(algorithm).update(bytes).digest('hex')
const visible = (root: string): readonly string[] => readdirSync(root).filter((name) => !name.startsWith('.'))
const spooled = (root: string): readonly string[] => readdirSync(join(root, '.pypi-server', 'spool'))

const fields = {
  metadata_version: '2.1',
  name: 'Demo',
  version: '1.0',
  filetype: 'bdist_wheel',
  pyversion: 'py3',
  md5_digest: digest('md5', demo.bytes),
  sha256_digest: digest('sha256', demo.bytes),
}

test('an uploaded file is on its page and can be downloaded as soon as it is answered', async (t) => {
  const { root, request, post } = await serveIndex(t)
  const response = await post(uploadForm(demo, fields))
  assert.deepEqual([response.status, await response.text()], [200, ''])
  assert.match(await (await request('/simple/demo/')).text(), new RegExp(`#sha256=${fields.sha256_digest}"`))
  const download = await request(`/packages/${demo.filename}`)
  assert.deepEqual(Buffer.from(await download.arrayBuffer()), Buffer.from(demo.bytes))
  assert.deepEqual(readFileSync(join(root, demo.filename)), Buffer.from(demo.bytes))
  assert.deepEqual(spooled(root), [])
})

test('metadata and requires-python of an upload are taken from the file', async (t) => {
  const { request, post } = await serveIndex(t)
  await post(uploadForm(demo, { ...fields, requires_python: '>=2' }))
  const page = await (await request('/simple/demo/')).text()
  assert.match(page, /data-requires-python="&#62;=3.8"/)
  const metadata = await request(`/packages/${demo.filename}.metadata`)
  assert.deepEqual(Buffer.from(await metadata.arrayBuffer()), Buffer.from(demo.metadata))
})

for (const path of ['/', '/legacy', '/legacy/']) {
  test(`uploads are taken at ${path}, without a redirect`, async (t) => {
    const { root, request } = await serveIndex(t)
    const response = await request(path, { method: 'POST', body: uploadForm(demo, fields) })
    assert.equal(response.status, 200)
    assert.deepEqual(visible(root), [demo.filename])
  })
}

test('the same bytes again are answered 200: a repeated request is no error', async (t) => {
  const { post } = await serveIndex(t)
  await post(uploadForm(demo, fields))
  assert.equal((await post(uploadForm(demo, fields))).status, 200)
})

test('other bytes under a name that is taken are refused, and the first stay', async (t) => {
  const { root, post } = await serveIndex(t)
  await post(uploadForm(demo))
  const response = await post(uploadForm(other))
  assert.equal(response.status, 409)
  if (lackOf('reason phrase') === false) assert.match(response.statusText, /^File already exists/)
  assert.match(await response.text(), /^File already exists/)
  assert.deepEqual(readFileSync(join(root, demo.filename)), Buffer.from(demo.bytes))
  assert.deepEqual(spooled(root), [])
})

test('twine hears of a taken name as 400, which all its versions understand', async (t) => {
  const { post } = await serveIndex(t)
  await post(uploadForm(demo))
  const response = await post(uploadForm(other), { headers: { 'user-agent': 'twine/4.0.2 CPython/3.11.2' } })
  assert.equal(response.status, 400)
  if (lackOf('reason phrase') === false) assert.match(response.statusText, /^File already exists/)
})

test('a name that differs in letter case only is taken as well', async (t) => {
  const { root, post } = await serveIndex(t)
  await post(uploadForm(sdist({ name: 'demo', version: '1.0' })))
  const response = await post(
    uploadForm({ filename: 'Demo-1.0.tar.gz', bytes: sdist({ name: 'demo', version: '2.0' }).bytes }),
  )
  assert.equal(response.status, 409)
  assert.deepEqual(visible(root), ['demo-1.0.tar.gz'])
})

test('a name that is taken in a sub-directory is taken', async (t) => {
  const { root, post } = await serveIndex(t)
  mkdirSync(join(root, 'sub'))
  writeFileSync(join(root, 'sub', demo.filename), demo.bytes)
  assert.equal((await post(uploadForm(other))).status, 409)
})

test('with overwrite an upload replaces the file, where it is', async (t) => {
  const { root, request, post } = await serveIndex(t, { overwrite: true })
  mkdirSync(join(root, 'sub'))
  writeFileSync(join(root, 'sub', demo.filename), demo.bytes)
  assert.equal((await post(uploadForm(other))).status, 200)
  assert.deepEqual(readFileSync(join(root, 'sub', demo.filename)), Buffer.from(other.bytes))
  assert.deepEqual(visible(root), ['sub'])
  assert.match(await (await request('/simple/demo/')).text(), new RegExp(digest('sha256', other.bytes)))
})

test('of many uploads of one name with different bytes exactly one wins', async (t) => {
  const { root, post } = await serveIndex(t)
  const files = Array.from({ length: 16 }, (_, index) =>
    wheel({ name: 'demo', version: '1.0', files: { 'demo/n.py': `n = ${index}\n` } }),
  )
  const statuses = await Promise.all(files.map(async (file) => (await post(uploadForm(file))).status))
  assert.deepEqual([...statuses].sort(), [200, ...Array<number>(15).fill(409)])
  const winner = files[statuses.indexOf(200)]
  assert.deepEqual(readFileSync(join(root, demo.filename)), Buffer.from(winner?.bytes ?? []))
})

test('fields may come before and after the file, in any order', async (t) => {
  const { post } = await serveIndex(t)
  const form = new FormData()
  form.append('sha256_digest', fields.sha256_digest)
  form.append('content', new Blob([demo.bytes as Uint8Array<ArrayBuffer>]), demo.filename)
  form.append('md5_digest', fields.md5_digest)
  form.append('name', 'demo')
  form.append(':action', 'file_upload')
  assert.equal((await post(form)).status, 200)
})

test('digests that an upload claims are checked, and those that pages are to show are shown', async (t) => {
  const { request, post } = await serveIndex(t)
  assert.equal((await post(uploadForm(demo, fields))).status, 200)
  const page = await request('/simple/demo/', { headers: { accept: 'application/vnd.pypi.simple.v1+json' } })
  const { files } = (await page.json()) as { files: { hashes: object }[] }
  assert.deepEqual(files[0]?.hashes, { sha256: fields.sha256_digest })
})

test('uploads go on when somebody removes the folder in which they are spooled', async (t) => {
  const { root, post } = await serveIndex(t)
  await post(uploadForm(demo, fields))
  rmSync(join(root, '.pypi-server', 'spool'), { recursive: true })
  assert.equal((await post(uploadForm(wheel({ name: 'demo', version: '2.0' })))).status, 200)
})

test('an upload to a project that is known waits for nobody who changes what is known of it', async (t) => {
  const { root, post } = await serveIndex(t)
  await post(uploadForm(demo, fields))
  const lock = join(root, '.pypi-server', 'locks', 'demo.json')
  writeFileSync(lock, 'another process')
  assert.equal((await post(uploadForm(wheel({ name: 'demo', version: '2.0' })))).status, 200)
  assert.equal(readFileSync(lock, 'utf8'), 'another process')
})

test('a signature is stored beside its file and announced', async (t) => {
  const { root, request, post } = await serveIndex(t)
  const form = uploadForm(demo, fields)
  form.append('gpg_signature', new Blob(['signature']), `${demo.filename}.asc`)
  assert.equal((await post(form)).status, 200)
  assert.equal(readFileSync(join(root, `${demo.filename}.asc`), 'utf8'), 'signature')
  assert.match(await (await request('/simple/demo/')).text(), /data-gpg-sig="true"/)
})

for (const [what, wrong, status, text] of [
  ['a wrong sha256 digest', { sha256_digest: '0'.repeat(64) }, 400, /^The digest supplied does not match/],
  ['a wrong md5 digest', { md5_digest: '0'.repeat(32) }, 400, /^The digest supplied does not match/],
  ['a wrong blake2 digest', { blake2_256_digest: '0'.repeat(64) }, 400, /^The digest supplied does not match/],
  ['a malformed digest', { sha256_digest: 'xyz' }, 400, /sha256_digest is not 64 hexadecimal digits/],
  ['the name of another project', { name: 'other' }, 400, /is a file of demo/],
  ['another version', { version: '2.0' }, 400, /is version 1.0/],
  ['an unknown protocol version', { protocol_version: '2' }, 400, /unknown protocol version/],
  ['an unknown action', { ':action': 'explode' }, 400, /^Unsupported ':action' field: explode/],
  ['no action', { ':action': undefined }, 400, /^Missing ':action' field!/],
] as const) {
  test(`an upload with ${what} is refused in one line and leaves nothing`, async (t) => {
    const { root, post } = await serveIndex(t)
    const response = await post(uploadForm(demo, { ...fields, ...wrong }))
    const body = await response.text()
    assert.equal(response.status, status)
    assert.match(body, text)
    assert.equal(body.trimEnd().split('\n').length, 1)
    if (lackOf('reason phrase') === false) assert.match(response.statusText, text)
    assert.deepEqual([visible(root), spooled(root)], [[], []])
  })
}

for (const filename of [
  '../demo-1.0.tar.gz',
  'a/demo-1.0.tar.gz',
  '.demo-1.0.tar.gz',
  'demo.txt',
  'demo-1.0.whl',
  'demo 1.0.zip',
]) {
  test(`an upload named ${filename} is refused`, async (t) => {
    const { root, request } = await serveIndex(t)
    // FormData would tidy the name up.
    const body = [
      '--b\r\nContent-Disposition: form-data; name=":action"\r\n\r\nfile_upload\r\n',
      `--b\r\nContent-Disposition: form-data; name="content"; filename="${filename}"\r\n\r\nbytes\r\n--b--\r\n`,
    ].join('')
    const headers = { 'content-type': 'multipart/form-data; boundary=b' }
    const response = await request('/', { method: 'POST', headers, body })
    assert.equal(response.status, 400)
    assert.match(await response.text(), /^Bad filename: /)
    assert.deepEqual(visible(root), [])
  })
}

for (const [what, file] of [
  ['cut off', { ...demo, bytes: demo.bytes.subarray(0, demo.bytes.length - 10) }],
  ['no zip file', { filename: demo.filename, bytes: Buffer.from('no zip file') }],
  ['no gzip file', { filename: 'demo-1.0.tar.gz', bytes: demo.bytes }],
] as const) {
  test(`an archive that is ${what} is refused and leaves nothing`, async (t) => {
    const { root, post } = await serveIndex(t)
    const response = await post(uploadForm(file))
    assert.equal(response.status, 400)
    assert.match(await response.text(), /^Invalid distribution file: /)
    assert.deepEqual([visible(root), spooled(root)], [[], []])
  })
}

test('an empty file is refused', async (t) => {
  const { post } = await serveIndex(t)
  assert.equal((await post(uploadForm({ filename: demo.filename, bytes: new Uint8Array() }))).status, 400)
})

test('an upload without a file is refused with the words that scripts know', async (t) => {
  const { post } = await serveIndex(t)
  const form = new FormData()
  form.append(':action', 'file_upload')
  const response = await post(form)
  assert.deepEqual([response.status, await response.text()], [400, "Missing 'content' file-field!\n"])
})

test('an upload above the limit is 413 and leaves nothing', async (t) => {
  const { root, post } = await serveIndex(t, { limits: { maxUploadBytes: 100 } })
  assert.equal((await post(uploadForm(demo, fields))).status, 413)
  assert.deepEqual([visible(root), spooled(root)], [[], []])
})

test('an upload that breaks off leaves nothing, and the server goes on', async (t) => {
  const { root, url, request } = await serveIndex(t)
  const { pathname } = new URL(url)
  const socket = connectTo(url)
  const head = `--b\r\nContent-Disposition: form-data; name="content"; filename="${demo.filename}"\r\n\r\n`
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n${head}`,
  )
  socket.write(Buffer.alloc(5000))
  await eventually(() => existsSync(join(root, '.pypi-server', 'spool')) && spooled(root).length === 1)
  socket.destroy()
  await eventually(() => spooled(root).length === 0)
  assert.deepEqual(visible(root), [])
  assert.equal((await request('/health')).status, 200)
})

test('a body that is no form is refused', async (t) => {
  const { request } = await serveIndex(t)
  const response = await request('/', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'hello' })
  assert.equal(response.status, 415)
})

test('a hook may refuse an upload, and its words reach the client', async (t) => {
  const beforePublish = async ({ filename }: Candidate): Promise<void> => {
    throw Object.assign(new Error(`${filename} holds a virus`), { code: 'ERR_PYPI_UPLOAD_REFUSED' })
  }
  const { root, post } = await serveIndex(t, { hooks: { beforePublish } })
  const response = await post(uploadForm(demo))
  assert.deepEqual([response.status, await response.text()], [400, `${demo.filename} holds a virus\n`])
  assert.deepEqual(visible(root), [])
})

test('listeners hear of an upload after it is in the index', async (t) => {
  const heard: string[] = []
  const { post } = await serveIndex(t, { events: { publish: ({ file }) => heard.push(file.filename) } })
  await post(uploadForm(demo))
  assert.deepEqual(heard, [demo.filename])
})
