import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { sdist, wheel } from '../helpers/archives.js'
import { uploadForm } from '../helpers/index-server.js'
import { jsonPage } from './pages.js'
import { rule } from './transports.js'

// The legacy upload API, which has no standard: what publishers send and how they tell refusals apart.

const built = wheel({ name: 'demo-app', version: '1.0' })
const source = sdist({ name: 'demo-app', version: '1.0' })
const other = wheel({ name: 'demo-app', version: '1.0', files: { 'demo_app/other.py': '' } })
const hex = (algorithm: string, bytes: Uint8Array, outputLength?: number): string =>
  createHash(algorithm, { ...(outputLength && { outputLength }) })
    .update(bytes)
    .digest('hex')

/** What each publisher sends beside the file, in its own spelling. */
const publishers: Readonly<Record<string, readonly (readonly [name: string, value: string])[]>> = {
  twine: [
    ['name', 'demo-app'],
    ['version', '1.0'],
    ['filetype', 'bdist_wheel'],
    ['pyversion', 'py3'],
    ['metadata_version', '2.1'],
    ['sha256_digest', hex('sha256', built.bytes)],
    ['classifiers', 'A :: B'],
    ['classifiers', 'C :: D'],
    ['protocol_version', '1'],
    [':action', 'file_upload'],
  ],
  'old twine': [
    ['name', 'Demo.App'],
    ['version', '1.0'],
    ['md5_digest', hex('md5', built.bytes)],
    ['sha256_digest', hex('sha256', built.bytes)],
    ['comment', ''],
    ['home_page', 'UNKNOWN'],
    ['protocol_version', '1'],
    [':action', 'file_upload'],
  ],
  uv: [
    [':action', 'file_upload'],
    ['sha256_digest', hex('sha256', built.bytes)],
    ['protocol_version', '1'],
    ['metadata_version', '2.5'],
    ['name', 'demo_app'],
    ['version', '1.0'],
    ['filetype', 'bdist_wheel'],
    ['pyversion', 'py3'],
    ['requires_python', ''],
    ['import_names', 'demo_app'],
  ],
  pdm: [
    ['name', 'demo-app'],
    ['version', '1.0'],
    ['summary', ''],
    ['provides_extras', 'more'],
    ['md5_digest', hex('md5', built.bytes)],
    ['protocol_version', '1'],
    [':action', 'file_upload'],
  ],
  flit: [
    [':action', 'file_upload'],
    ['name', 'demo-app'],
    ['version', '1.0'],
    ['filetype', 'bdist_wheel'],
    ['pyversion', ''],
    ['md5_digest', hex('md5', built.bytes)],
    ['sha256_digest', hex('sha256', built.bytes)],
    ['protocol_version', '1'],
  ],
  distutils: [
    [':action', 'file_upload'],
    ['protocol_version', '1'],
    ['name', 'demo-app'],
    ['version', '1.0'],
    ['filetype', 'bdist_wheel'],
    ['pyversion', 'py3'],
    ['metadata_version', '1.0'],
    ['md5_digest', hex('md5', built.bytes)],
    ['sha256_digest', hex('sha256', built.bytes)],
    ['blake2_256_digest', hex('blake2b512', built.bytes)],
    ['license', 'UNKNOWN'],
    ['comment', ''],
  ],
}
for (const [publisher, fields] of Object.entries(publishers)) {
  for (const place of ['first', 'in the middle', 'last'] as const) {
    rule(`the form of ${publisher} is taken with the file ${place}`, async (serve) => {
      const server = await serve()
      const response = await server.post(formOf(fields, place))
      assert.deepEqual([response.status, await response.text()], [200, ''])
      const { name, files } = await jsonPage(server, 'demo-app')
      assert.deepEqual([name, files.map(({ filename }) => filename)], ['demo-app', [built.filename]])
    })
  }
}

function formOf(
  fields: readonly (readonly [name: string, value: string])[],
  place: 'first' | 'in the middle' | 'last',
): FormData {
  const at = { first: 0, 'in the middle': Math.floor(fields.length / 2), last: fields.length }[place]
  const form = new FormData()
  const append = ([name, value]: readonly [string, string]): void => form.append(name, value)
  fields.slice(0, at).forEach(append)
  form.append('content', new Blob([built.bytes as Uint8Array<ArrayBuffer>]), built.filename)
  fields.slice(at).forEach(append)
  return form
}

for (const [field, digest] of [
  ['sha256_digest', hex('sha256', built.bytes)],
  ['md5_digest', hex('md5', built.bytes)],
] as const) {
  rule(`${field} is compared with the bytes, in either case`, async (serve) => {
    const server = await serve()
    const wrong = `${digest.startsWith('0') ? 1 : 0}${digest.slice(1)}`
    const response = await server.post(uploadForm(built, { [field]: wrong }))
    assert.equal(response.status, 400)
    assert.match(response.statusText, /^The digest supplied does not match a digest calculated from the uploaded file/)
    assert.equal((await server.request('/simple/demo-app/')).status, 404)
    assert.equal((await server.post(uploadForm(built, { [field]: digest.toUpperCase() }))).status, 200)
  })

  rule(`${field} of another length is refused`, async (serve) => {
    const server = await serve()
    assert.equal((await server.post(uploadForm(built, { [field]: digest.slice(2) }))).status, 400)
    assert.equal((await server.post(uploadForm(built, { [field]: digest.replace(/^./, 'x') }))).status, 400)
  })
}

rule('blake2_256_digest is compared when it has 64 digits', async (serve) => {
  const server = await serve()
  const response = await server.post(uploadForm(built, { blake2_256_digest: '0'.repeat(64) }))
  assert.equal(response.status, 400)
  assert.match(response.statusText, /^The digest supplied does not match/)
})

rule('a field that has one value is refused when it is sent twice', async (serve) => {
  const server = await serve()
  for (const name of [':action', 'name', 'version', 'protocol_version', 'sha256_digest']) {
    const form = uploadForm(built, { name: 'demo-app', version: '1.0', sha256_digest: hex('sha256', built.bytes) })
    form.append(name, String(form.get(name)))
    assert.equal((await server.post(form)).status, 400, name)
  }
})

rule('another protocol version than 1 is refused, and none at all is not', async (serve) => {
  const server = await serve()
  assert.equal((await server.post(uploadForm(built, { protocol_version: '2' }))).status, 400)
  assert.equal((await server.post(uploadForm(built, { protocol_version: undefined }))).status, 200)
})

for (const [field, value] of [
  ['name', 'other'],
  ['version', '1.1'],
] as const) {
  rule(`a form whose ${field} is not that of the file is refused`, async (serve) => {
    assert.equal((await (await serve()).post(uploadForm(built, { [field]: value }))).status, 400)
  })
}

rule('a version that is spelled in another way is that of the file', async (serve) => {
  const server = await serve()
  for (const version of ['1', 'v1.0', '1.0.0']) {
    assert.equal((await server.post(uploadForm(built, { version }))).status, 200, version)
  }
})

rule('a form without a file is refused', async (serve) => {
  const form = new FormData()
  for (const [name, value] of [
    [':action', 'file_upload'],
    ['name', 'demo-app'],
    ['version', '1.0'],
  ] as const) {
    form.append(name, value)
  }
  assert.equal((await (await serve()).post(form)).status, 400)
})

rule('an upload of the form is not taken where pages are: 405 with what is possible', async (serve) => {
  const server = await serve()
  for (const path of ['/simple/', '/simple/demo-app/']) {
    const response = await server.request(path, { method: 'POST', body: uploadForm(built) })
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD'])
  }
})

rule('uv reads why an upload is refused out of JSON', async (serve) => {
  const server = await serve()
  await server.post(uploadForm(built))
  const accept = 'application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7'
  const response = await server.post(uploadForm(other), { headers: { accept, 'user-agent': 'uv/0.12.5' } })
  assert.deepEqual([response.status, response.headers.get('content-type')], [409, 'application/json'])
  const { code, title } = (await response.json()) as { readonly code: string; readonly title: string }
  assert.match(code, /^409 File already exists/)
  assert.equal(title, 'Conflict')
})

rule('who asks for problem details gets them, in their own media type', async (serve) => {
  const server = await serve()
  await server.post(uploadForm(built))
  const response = await server.post(uploadForm(other), { headers: { accept: 'application/problem+json' } })
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  const { detail, status } = (await response.json()) as { readonly detail: string; readonly status: number }
  assert.match(detail, /^File already exists/)
  assert.equal(status, 409)
})

rule('every refusal of an upload has its words in the reason phrase, on one line of ASCII', async (serve) => {
  const server = await serve()
  const bad = { filename: built.filename, bytes: Buffer.from('no zip at all') }
  for (const form of [
    uploadForm(bad),
    uploadForm(built, { version: '2\r\nÄ' }),
    uploadForm(built, { ':action': 'x' }),
  ]) {
    const response = await server.post(form)
    assert.equal(response.status, 400)
    assert.match(response.statusText, /^[ -~]{5,200}$/)
    assert.notEqual(response.statusText, 'Bad Request')
  }
})

rule('a file that was just uploaded is on the page with its digest, where uv looks for it', async (serve) => {
  const server = await serve()
  await server.post(uploadForm(built))
  await server.post(uploadForm(source))
  const { files } = await jsonPage(server, 'demo-app')
  assert.deepEqual(Object.fromEntries(files.map(({ filename, hashes }) => [filename, hashes['sha256']])), {
    [built.filename]: hex('sha256', built.bytes),
    [source.filename]: hex('sha256', source.bytes),
  })
})

rule('a taken name keeps the bytes that it has', async (serve) => {
  const server = await serve()
  await server.post(uploadForm(built))
  await server.post(uploadForm(other))
  const file = await server.request(`/packages/${built.filename}`)
  assert.deepEqual(Buffer.from(await file.arrayBuffer()), built.bytes)
})

for (const action of ['submit', 'verify']) {
  rule(`registering with :action=${action} is answered 200 and makes no project`, async (serve) => {
    const server = await serve()
    const form = new FormData()
    for (const [name, value] of Object.entries({ ':action': action, name: 'demo-app', version: '1.0' })) {
      form.append(name, value)
    }
    assert.equal((await server.post(form)).status, 200)
    assert.equal((await server.request('/simple/demo-app/')).status, 404)
  })
}
