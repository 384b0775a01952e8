import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sdist, wheel, zip } from '../helpers/archives.js'
import { type IndexServer, serveIndex } from '../helpers/index-server.js'

const visible = (root: string): readonly string[] => readdirSync(root).filter((name) => !name.startsWith('.'))

/** A form without files, as curl and old scripts send it. */
function postFields(server: IndexServer, fields: Readonly<Record<string, string>>): Promise<Response> {
  return server.request('/', { method: 'POST', body: new URLSearchParams(fields) })
}

test('removing a release removes all its files in every spelling of its name, and nothing else', async (t) => {
  const server = await serveIndex(t)
  const { root } = server
  mkdirSync(join(root, 'sub'))
  const kept = wheel({ name: 'my-pkg', version: '1.1' })
  for (const file of [
    wheel({ name: 'my-pkg', version: '1.0', build: '1' }),
    sdist({ name: 'my-pkg', version: '1.0' }),
    kept,
  ]) {
    writeFileSync(join(root, file.filename), file.bytes)
  }
  writeFileSync(join(root, 'sub', 'My_Pkg-1.0.0.zip'), 'legacy')
  const response = await postFields(server, { ':action': 'remove_pkg', name: 'My.Pkg', version: '1.0' })
  assert.deepEqual([response.status, await response.text()], [200, ''])
  assert.deepEqual([visible(root), visible(join(root, 'sub'))], [[kept.filename, 'sub'], []])
})

test('removing what is not there is 404 with the words that scripts know', async (t) => {
  const response = await postFields(await serveIndex(t), { ':action': 'remove_pkg', name: 'foo', version: '1' })
  assert.deepEqual([response.status, await response.text()], [404, 'foo (1) not found\n'])
})

for (const [fields, text] of [
  [{}, "Missing 'name'/'version' fields: name=None, version=None\n"],
  [{ name: 'foo' }, "Missing 'name'/'version' fields: name=foo, version=None\n"],
  [{ version: '1' }, "Missing 'name'/'version' fields: name=None, version=1\n"],
] as const) {
  test(`removing with the fields ${JSON.stringify(fields)} is 400`, async (t) => {
    const response = await postFields(await serveIndex(t), { ':action': 'remove_pkg', ...fields })
    assert.deepEqual([response.status, await response.text()], [400, text])
  })
}

test('a release that was removed is gone at once, and its name still leads nowhere else', async (t) => {
  const server = await serveIndex(t, { fallbackUrl: 'https://pypi.org/simple/' })
  const file = wheel({ name: 'demo', version: '1.0' })
  writeFileSync(join(server.root, file.filename), file.bytes)
  assert.equal((await server.request('/simple/demo/')).status, 200)
  await postFields(server, { ':action': 'remove_pkg', name: 'demo', version: '1.0' })
  const page = await server.request('/simple/demo/')
  assert.deepEqual([page.status, (await page.text()).includes(file.filename)], [200, false])
  assert.equal((await server.request(`/packages/${file.filename}`)).status, 404)
})

for (const action of ['submit', 'verify']) {
  test(`${action} is answered 200 and does nothing`, async (t) => {
    const response = await postFields(await serveIndex(t), { ':action': action, name: 'foo', version: '1' })
    assert.deepEqual([response.status, await response.text()], [200, ''])
  })
}

for (const [what, bytes, status] of [
  ['a zip with an index.html', zip([{ name: 'index.html', data: Buffer.from('<p>') }]), 200],
  ['a zip without an index.html', zip([{ name: 'a.html', data: Buffer.from('<p>') }]), 400],
  ['no zip', Buffer.from('text'), 400],
] as const) {
  test(`documentation that is ${what} is answered ${status} and not stored`, async (t) => {
    const { root, post } = await serveIndex(t)
    const form = new FormData()
    form.append(':action', 'doc_upload')
    form.append('name', 'demo')
    form.append('content', new Blob([bytes as Uint8Array<ArrayBuffer>]), 'docs.zip')
    const response = await post(form)
    assert.equal(response.status, status)
    if (status === 400) assert.match(await response.text(), /^not a zip file/)
    assert.deepEqual(visible(root), [])
  })
}

test('documentation without a file is refused', async (t) => {
  const response = await postFields(await serveIndex(t), { ':action': 'doc_upload' })
  assert.deepEqual([response.status, await response.text()], [400, "Missing 'content' file-field!\n"])
})

test('a signature of another file is refused, and nothing is stored', async (t) => {
  const { root, post } = await serveIndex(t)
  const file = wheel({ name: 'demo', version: '1.0' })
  const form = new FormData()
  form.append(':action', 'file_upload')
  form.append('gpg_signature', new Blob(['x']), 'other.asc')
  form.append('content', new Blob([file.bytes as Uint8Array<ArrayBuffer>]), file.filename)
  const response = await post(form)
  assert.equal(response.status, 400)
  assert.match(await response.text(), /^Unrelated signature/)
  assert.deepEqual(visible(root), [])
})

test('an action in the query does not count', async (t) => {
  const { request } = await serveIndex(t)
  const response = await request('/?:action=verify', { method: 'POST', body: new URLSearchParams() })
  assert.deepEqual([response.status, await response.text()], [400, "Missing ':action' field!\n"])
})
