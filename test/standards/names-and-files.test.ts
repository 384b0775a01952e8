import assert from 'node:assert/strict'
import { sdist, wheel } from '../helpers/archives.js'
import { uploadForm } from '../helpers/index-server.js'
import { jsonPage, putFiles } from './pages.js'
import { rule } from './transports.js'

// PEP 508, 440, 427, 625 and old forms of file names, as an index shows and takes them.

const wheelBytes = wheel({ name: 'demo', version: '1.0' }).bytes
const sdistBytes = sdist({ name: 'demo', version: '1.0' }).bytes
const bytesFor = (filename: string): Uint8Array => (/\.(?:tar\.gz|tgz)$/.test(filename) ? sdistBytes : wheelBytes)

for (const [filename, project] of [
  ['Demo_App-1.0-py3-none-any.whl', 'demo-app'],
  ['demo.app-1.0-py3-none-any.whl', 'demo-app'],
  ['demo_app-1.0.tar.gz', 'demo-app'],
  ['demo-app-1.0.tar.gz', 'demo-app'],
  ['demo--app-1.0.zip', 'demo-app'],
] as const) {
  rule(`${filename} is a file of ${project}`, async (serve) => {
    const server = await serve()
    putFiles(server, { filename, bytes: bytesFor(filename) })
    const { name, files } = await jsonPage(server, project)
    assert.deepEqual([name, files.map((file) => file.filename)], [project, [filename]])
  })
}

for (const [filename, version] of [
  ['demo-1.0-py3-none-any.whl', '1.0'],
  ['demo-1.0-1-py3-none-any.whl', '1.0'],
  ['demo-1.0-2build-cp312.cp313-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl', '1.0'],
  ['demo-1.0-cp312-cp312-linux_x86_64.whl', '1.0'],
  ['demo-1.0-cp313-cp313-pyemscripten_2025_0_wasm32.whl', '1.0'],
  ['demo-1!2.0-py3-none-any.whl', '1!2.0'],
  ['demo-2.4.0+cu121-py3-none-any.whl', '2.4.0+cu121'],
  ['demo-1.0.tar.gz', '1.0'],
  ['demo-1.0a1.zip', '1.0a1'],
  ['demo-1.0.post1.dev2.zip', '1.0.post1.dev2'],
  ['demo-1.0.tgz', '1.0'],
  ['demo-1.0-py2.7.egg', '1.0'],
  ['demo-1.0.win32-py2.7.exe', '1.0'],
  ['demo-1.0.linux-x86_64.tar.gz', '1.0'],
] as const) {
  rule(`${filename} is listed with version ${version} and served under its own name`, async (serve) => {
    const server = await serve()
    putFiles(server, { filename, bytes: bytesFor(filename) })
    const { versions, files } = await jsonPage(server, 'demo')
    assert.deepEqual([versions, files.map((file) => file.filename)], [[version], [filename]])
    const response = await server.request(`/packages/${encodeURIComponent(filename)}`)
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(bytesFor(filename)))
  })
}

for (const filename of ['demo-1.0-py3-none-any.WHL', 'demo-1.0.txt', 'README.md', 'demo-1.0.deb', 'demo-1.0.rpm']) {
  rule(`${filename} is no distribution file and is not listed`, async (serve) => {
    const server = await serve()
    putFiles(server, { filename, bytes: wheelBytes })
    assert.equal((await server.request('/simple/demo/')).status, 404)
    assert.equal((await server.request(`/packages/${filename}`)).status, 404)
  })
}

rule('files are listed by version, from the oldest to the newest, whatever their spelling', async (serve) => {
  const server = await serve()
  const ordered = [
    ...['1.dev0', '1.0.dev456', '1.0a1', '1.0a2.dev456', '1.0a12', '1.0b1.dev456', '1.0b2', '1.0b2.post345', '1.0rc1'],
    ...['1.0', '1.0+abc.5', '1.0+abc.7', '1.0+5', '1.0.post456.dev34', '1.0.post456', '1.0.15', '1.1.dev1'],
    ...['20261122123456788', '20261122123456789', '1!0.1'],
  ]
  putFiles(server, ...ordered.toReversed().map((version) => wheel({ name: 'demo', version })))
  const { files } = await jsonPage(server, 'demo')
  const versions = files.map(({ filename }) => filename.split('-')[1])
  assert.deepEqual(versions, ordered)
})

rule('two spellings of a version are one release, which one request yanks', async (serve) => {
  const server = await serve()
  putFiles(server, wheel({ name: 'demo', version: '1.0' }), sdist({ name: 'demo', version: '1.0.0' }))
  await server.request('/api/projects/demo/releases/v1/yank', { method: 'PUT', body: '{}' })
  assert.deepEqual(
    (await jsonPage(server, 'demo')).files.map(({ yanked }) => yanked),
    [true, true],
  )
})

for (const filename of [
  '_demo-1.0.tar.gz',
  'demo-1.0-py3-none-any.whl.exe',
  'demo.whl',
  'demo-1.0-py3-none.whl',
  'demo__app-1.0-py3-none-any.whl',
  'demo-1.0x-py3-none-any.whl',
  'demo-1.0_1-py3-none-any.whl',
  'demo-1.0-build1-py3-none-any.whl',
  'demo-1.0-py3-none-any.WHL',
  'demo.tar.gz',
  'demo-1.0.txt',
  '.demo-1.0.tar.gz',
  '-1.0.tar.gz',
  'de mo-1.0.tar.gz',
  'démo-1.0.tar.gz',
  'demo-1.0\u0000.tar.gz',
  'demo-..-1.0.tar.gz',
  `${'d'.repeat(230)}-1.0.tar.gz`,
]) {
  rule(`an upload of ${JSON.stringify(filename)} is refused`, async (serve) => {
    const server = await serve()
    const response = await server.post(uploadForm({ filename, bytes: bytesFor(filename) }))
    assert.equal(response.status, 400)
    const list = await server.request('/packages/')
    assert.doesNotMatch(await list.text(), /<a /)
  })
}

rule(
  'local versions and plain Linux wheels may be uploaded and are linked with the plus sign encoded',
  async (serve) => {
    const server = await serve()
    const file = wheel({ name: 'demo', version: '2.4.0+cu121', tag: 'cp312-cp312-linux_x86_64' })
    assert.equal((await server.post(uploadForm(file))).status, 200)
    const [entry] = (await jsonPage(server, 'demo')).files
    assert.match(entry?.url ?? '', /\/demo-2\.4\.0%2Bcu121-cp312-cp312-linux_x86_64\.whl$/)
    for (const name of [file.filename, encodeURIComponent(file.filename)]) {
      assert.equal((await server.request(`/packages/${name}`)).status, 200)
    }
  },
)

rule('a path that tries to leave the index is refused, or leads to nothing', async (serve) => {
  const server = await serve()
  putFiles(server, { filename: 'secret.txt', bytes: Buffer.from('secret') })
  for (const path of [
    '/packages/%2e%2e/etc/passwd',
    '/packages/..%2f..%2fetc%2fpasswd',
    '/packages/%5c..%5csecret.txt',
    '/packages/secret.txt%00.whl',
    '/packages/.pypi-server/audit.jsonl',
    '/simple/..%2fsecret/',
  ]) {
    const { status } = await server.request(path)
    assert.ok(status === 400 || status === 404, `${path}: ${status}`)
  }
})
