import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { directory } from 'pypi-server'
import { asStoreError, errorCode } from '#src/errors.js'
import { wheel } from '../helpers/archives.js'
import { serveIndex, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const visible = (root: string): readonly string[] => readdirSync(root).filter((name) => !name.startsWith('.'))
const spooled = (root: string): readonly string[] => readdirSync(join(root, '.pypi-server', 'spool'))

test('a second content part is refused and leaves nothing, however fast it follows', async (t) => {
  const { root, post } = await serveIndex(t)
  const form = uploadForm(demo)
  const other = wheel({ name: 'demo', version: '2.0' })
  form.append('content', new Blob([other.bytes as Uint8Array<ArrayBuffer>]), other.filename)
  const response = await post(form)
  assert.deepEqual([response.status, await response.text()], [400, 'more than one content part\n'])
  assert.deepEqual([visible(root), spooled(root)], [[], []])
})

test('an upload that cannot be written is 503, for that is no fault of the client nor of ours', async (t) => {
  const root = temporaryDirectory(t)
  const backend = directory(root)
  t.after(() => backend.close())
  const { post } = await serveIndex(t, { backend: { ...backend, spoolDirectory: async () => join(root, 'missing') } })
  const response = await post(uploadForm(demo))
  assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '2'])
})

for (const [code, expected] of [
  ['ENOSPC', 'ERR_PYPI_STORE_FULL'],
  ['EDQUOT', 'ERR_PYPI_STORE_FULL'],
  [`Unknown system error -${constants.errno.EDQUOT}`, 'ERR_PYPI_STORE_FULL'],
  ['EMFILE', 'ERR_PYPI_STORE_UNAVAILABLE'],
  ['EIO', 'ERR_PYPI_STORE_UNAVAILABLE'],
  ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_PREMATURE_CLOSE'],
] as const) {
  test(`${code} while an upload is stored is told as ${expected}`, () => {
    assert.equal(errorCode(asStoreError(Object.assign(new Error(), { code }), 'the upload')), expected)
  })
}

test('an upload to a directory that vanished is 503 and does not bring it back empty', async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  mkdirSync(root)
  const { request, post } = await serveIndex(t, { roots: root, fallbackUrl: 'https://pypi.org/simple/' })
  await post(uploadForm(demo))
  renameSync(root, `${root}.away`)
  assert.equal((await post(uploadForm(wheel({ name: 'demo', version: '2.0' })))).status, 503)
  assert.equal(existsSync(root), false)
  assert.equal((await request('/simple/other/')).status, 503)
})

test('a signature that was left behind does not keep its file from being uploaded', async (t) => {
  const { root, request, post } = await serveIndex(t)
  writeFileSync(join(root, `${demo.filename}.asc`), 'old')
  const form = uploadForm(demo)
  form.append('gpg_signature', new Blob(['new']), `${demo.filename}.asc`)
  assert.equal((await post(form)).status, 200)
  assert.equal(await (await request(`/packages/${demo.filename}.asc`)).text(), 'new')
})

test('a file that is overwritten loses the signature of the bytes before', async (t) => {
  const { request, post } = await serveIndex(t, { overwrite: true })
  const signed = uploadForm(demo)
  signed.append('gpg_signature', new Blob(['of the first bytes']), `${demo.filename}.asc`)
  await post(signed)
  await post(uploadForm(wheel({ name: 'demo', version: '1.0', files: { 'demo/new.py': '' } })))
  assert.doesNotMatch(await (await request('/simple/demo/')).text(), /gpg-sig/)
  assert.equal((await request(`/packages/${demo.filename}.asc`)).status, 404)
})
