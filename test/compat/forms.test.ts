import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { sdist, wheel, zip } from '../helpers/archives.js'
import { basic, type IndexServer, serveIndex, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { ask, multipart } from './wire.js'

const demo = sdist({ name: 'demo', version: '1.0' })
const other = sdist({ name: 'demo', version: '1.0', files: { 'other.py': '' } })
const action = [['name=":action"', 'file_upload']] as const
const visible = (root: string): readonly string[] => readdirSync(root).filter((name) => !name.startsWith('.'))

async function answerOf(response: Response | Promise<Response>): Promise<readonly [number, string]> {
  const { status } = await response
  return [status, (await (await response).text()).trimEnd()]
}

function post(server: IndexServer, parts: Parameters<typeof multipart>[0]): Promise<Response> {
  return server.request('/', { method: 'POST', ...multipart(parts) })
}

function postFields(server: IndexServer, fields: Readonly<Record<string, string>>): Promise<Response> {
  return server.request('/', { method: 'POST', body: new URLSearchParams(fields) })
}

for (const [what, content, status] of [
  ['nothing', undefined, 415],
  ['JSON', 'application/json', 415],
  ['a form of another boundary', 'multipart/form-data; boundary=other', 400],
  ['a form without a boundary', 'multipart/form-data', 400],
] as const) {
  test(`a body that is ${what} is answered ${status}, and why`, async (t) => {
    const { url } = await serveIndex(t)
    const headers = ['Host: x', ...(content === undefined ? [] : [`Content-Type: ${content}`])]
    const body =
      content === undefined ? '' : '--b\r\nContent-Disposition: form-data; name=":action"\r\n\r\nverify\r\n--b--\r\n'
    const answer = await ask(url, '/', { method: 'POST', headers, body })
    assert.equal(answer.status, status)
    assert.match(answer.body.toString(), /^[^\n]+\n$/)
  })
}

for (const name of ['user', 'list_classifiers', 'File_Upload', '']) {
  test(`the action «${name}» is refused with the words of pypiserver`, async (t) => {
    const server = await serveIndex(t)
    const answer = await answerOf(postFields(server, { ':action': name }))
    assert.deepEqual(answer, [400, `Unsupported ':action' field: ${name}`.trimEnd()])
  })
}

test('a form with two actions is refused', async (t) => {
  const server = await serveIndex(t)
  const response = await post(server, [['name=":action"', 'verify'], ...action, ['name="content"; filename="x"', 'x']])
  assert.equal(response.status, 400)
})

test('an urlencoded form above 100 KiB is 413', async (t) => {
  const server = await serveIndex(t)
  assert.equal((await postFields(server, { ':action': 'verify', padding: 'x'.repeat(102_400) })).status, 413)
})

test('an action that succeeds has an empty answer', async (t) => {
  const { post: send } = await serveIndex(t)
  const response = await send(uploadForm(demo))
  assert.deepEqual([response.status, response.headers.get('content-length')], [200, '0'])
})

test('content that is sent as a field is no file', async (t) => {
  const server = await serveIndex(t)
  const answer = await answerOf(post(server, [...action, ['name="content"', 'bytes']]))
  assert.deepEqual(answer, [400, "Missing 'content' file-field!"])
})

test('a signature without its file is refused', async (t) => {
  const server = await serveIndex(t)
  const parts = [...action, [`name="gpg_signature"; filename="${demo.filename}.asc"`, 'signature']] as const
  assert.deepEqual(await answerOf(post(server, parts)), [400, "Missing 'content' file-field!"])
})

test('a file without a name is refused', async (t) => {
  const server = await serveIndex(t)
  const answer = await answerOf(post(server, [...action, ['name="content"; filename=""', demo.bytes]]))
  assert.equal(answer[0], 400)
  assert.deepEqual(visible(server.root), [])
})

for (const filename of [
  'demo-1.0.tar.gz.asc',
  '.zip',
  '.demo-1.0.zip',
  '-1.0.zip',
  'demo-1.0.exe',
  'demo-1.0.msi',
  'demo-1.0.rpm',
  'demo-1.0.deb',
  'demo-1.0.tar',
  'demo-1.0.tar.Z',
  'demo-1.0.tar.zst',
  'demo-1.0-py3-none-any.WHL',
  'some_wheel.whl',
  'demo.txt',
  'demo~-1.0.zip',
  "demo'-1.0.zip",
  'dëmo-1.0.zip',
  'c:\\demo-1.0.zip',
]) {
  test(`${filename} is a bad name for an upload`, async (t) => {
    const server = await serveIndex(t)
    const escaped = filename.replaceAll('\\', '\\\\')
    const [status, text] = await answerOf(
      post(server, [...action, [`name="content"; filename="${escaped}"`, demo.bytes]]),
    )
    assert.equal(status, 400)
    assert.match(text, /^Bad filename: /)
    assert.deepEqual(visible(server.root), [])
  })
}

for (const [filename, bytes] of [
  ['demo-1.0.zip', zip([{ name: 'demo/a', data: 'a' }])],
  ['demo-1.0.tgz', demo.bytes],
  ['demo-1.0.tar.bz2', fixture('demo.tar.bz2')],
  ['demo-1.0.tar.xz', fixture('demo.tar.xz')],
  ['demo-1.0-py2.7.egg', zip([{ name: 'demo/a', data: 'a' }])],
  ['demo-1.0.win32-py2.7.exe', Buffer.from('MZ')],
  ['demo-1.0.win-amd64-py3.10.msi', Buffer.from('MSI')],
] as const) {
  test(`an upload called ${filename} is stored under its name`, async (t) => {
    const { root, post: send } = await serveIndex(t)
    assert.equal((await send(uploadForm({ filename, bytes }))).status, 200)
    assert.deepEqual(visible(root), [filename])
  })
}

function fixture(name: string): Buffer {
  return readFileSync(new URL(`../../../test/fixtures/archive/${name}`, import.meta.url))
}

test('a name that is taken only in a hidden directory is free', async (t) => {
  const { root, post: send } = await serveIndex(t)
  mkdirSync(join(root, '.old'))
  writeFileSync(join(root, '.old', demo.filename), other.bytes)
  assert.equal((await send(uploadForm(demo))).status, 200)
})

test('a name that is taken in the second directory is taken, and with overwrite replaced there', async (t) => {
  const [first, second] = [temporaryDirectory(t), temporaryDirectory(t)]
  writeFileSync(join(second, demo.filename), demo.bytes)
  const [strict, lax] = [
    await serveIndex(t, { roots: [first, second] }),
    await serveIndex(t, { roots: [first, second], overwrite: true }),
  ]
  assert.equal((await strict.post(uploadForm(other))).status, 409)
  assert.equal((await lax.post(uploadForm(other))).status, 200)
  assert.deepEqual(visible(first), [])
  assert.deepEqual(readFileSync(join(second, demo.filename)), other.bytes)
})

test('a file whose signature is refused is not stored either', async (t) => {
  const { root, post: send } = await serveIndex(t)
  const form = uploadForm(demo)
  form.append('gpg_signature', new Blob(['x'.repeat(9000)]), `${demo.filename}.asc`)
  assert.equal((await send(form)).status, 400)
  assert.deepEqual(visible(root), [])
})

test('a signature that stands alone is replaced by that of an upload', async (t) => {
  const { root, post: send } = await serveIndex(t)
  writeFileSync(join(root, `${demo.filename}.asc`), 'old')
  const form = uploadForm(demo)
  form.append('gpg_signature', new Blob(['new']), `${demo.filename}.asc`)
  assert.equal((await send(form)).status, 200)
  assert.equal(readFileSync(join(root, `${demo.filename}.asc`), 'utf8'), 'new')
})

test('a name of more than 200 bytes is refused', async (t) => {
  const server = await serveIndex(t)
  const filename = `${'x'.repeat(300)}-1.0.tar.gz`
  const [status, text] = await answerOf(server.post(uploadForm({ filename, bytes: demo.bytes })))
  assert.equal(status, 400)
  assert.match(text, /^Bad filename: /)
})

test('a directory of the name of an upload is a conflict and stays', async (t) => {
  const { root, post: send } = await serveIndex(t)
  mkdirSync(join(root, demo.filename))
  assert.equal((await send(uploadForm(demo))).status, 409)
  assert.ok(statSync(join(root, demo.filename)).isDirectory())
})

test('an upload to a directory that cannot be written to is 503', async (t) => {
  const { root, post: send } = await serveIndex(t)
  writeFileSync(join(root, '.pypi-server'), 'a file where the folder for uploads should be')
  assert.equal((await send(uploadForm(demo))).status, 503)
  assert.deepEqual(visible(root), [])
})

test('uploads are readable by everybody whom the umask lets', { skip: process.platform === 'win32' }, async (t) => {
  const { root, post: send } = await serveIndex(t)
  await send(uploadForm(demo))
  assert.equal(statSync(join(root, demo.filename)).mode & 0o777, 0o666 & ~process.umask())
})

test('a release is removed in all directories, formats and folders, with its signatures', async (t) => {
  const [first, second] = [temporaryDirectory(t), temporaryDirectory(t)]
  mkdirSync(join(second, 'sub'))
  const built = wheel({ name: 'demo', version: '1.0' })
  for (const path of [join(first, demo.filename), join(second, built.filename), join(second, 'sub', 'demo-1.0.zip')]) {
    writeFileSync(path, 'no archive')
    writeFileSync(`${path}.asc`, 'signature')
  }
  const server = await serveIndex(t, { roots: [first, second] })
  assert.deepEqual(await answerOf(postFields(server, { ':action': 'remove_pkg', name: 'demo', version: '1.0' })), [
    200,
    '',
  ])
  assert.deepEqual([visible(first), visible(second), visible(join(second, 'sub'))], [[], ['sub'], []])
})

test('a release of a name that is not ASCII is removed by either kind of form', async (t) => {
  for (const send of [
    (server: IndexServer) => postFields(server, { ':action': 'remove_pkg', name: 'naïve', version: '1.0' }),
    (server: IndexServer) =>
      post(server, [
        ['name=":action"', 'remove_pkg'],
        ['name="name"', 'naïve'],
        ['name="version"', '1.0'],
      ]),
  ]) {
    const server = await serveIndex(t)
    writeFileSync(join(server.root, 'naïve-1.0.zip'), 'no archive')
    assert.equal((await send(server)).status, 200)
    assert.deepEqual(visible(server.root), [])
  }
})

test('an upload in chunks by a client that waits for 100 Continue is taken', async (t) => {
  const { root, url } = await serveIndex(t)
  const { headers, body } = multipart([...action, [`name="content"; filename="${demo.filename}"`, demo.bytes]])
  const sent = request(url, {
    method: 'POST',
    headers: { ...headers, expect: '100-continue', 'transfer-encoding': 'chunked' },
  })
  sent.once('continue', () => sent.end(body))
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.resume()
  assert.equal(response.statusCode, 200)
  assert.deepEqual(readFileSync(join(root, demo.filename)), demo.bytes)
})

test('the log says who stored and removed what, and warns of a file that is taken', async (t) => {
  const heard: (readonly unknown[])[] = []
  const hear =
    (level: string) =>
    ({ user, filename, version }: Record<string, unknown>, text: string): void => {
      if (text !== 'request') heard.push([level, text, user, filename ?? version])
    }
  const logger = { debug: hear('debug'), info: hear('info'), warn: hear('warn'), error: hear('error') }
  const server = await serveIndex(t, { logger, auther: () => true, authenticate: ['update'] })
  const headers = basic('ann', 'x')
  for (const file of [demo, other]) await server.post(uploadForm(file), { headers })
  const body = new URLSearchParams({ ':action': 'remove_pkg', name: 'demo', version: '1.0' })
  await server.request('/', { method: 'POST', body, headers })
  assert.deepEqual(heard, [
    ['info', 'stored a file', 'ann', demo.filename],
    ['warn', 'refused other bytes for a file', 'ann', demo.filename],
    ['info', 'removed a release', 'ann', '1.0'],
  ])
})

test('an action that is ignored is warned of in the log', async (t) => {
  const heard: (readonly unknown[])[] = []
  const warn = (details: object, text: string): void => void heard.push([details, text])
  const silent = (): void => {}
  const server = await serveIndex(t, { logger: { debug: silent, info: silent, warn, error: silent } })
  await postFields(server, { ':action': 'verify' })
  assert.deepEqual(heard, [[{ action: 'verify' }, 'ignored a form action']])
})
