import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { sdist, wheel, zip } from '../helpers/archives.js'
import { uploadForm } from '../helpers/index-server.js'
import { anchorsOf, htmlPage, jsonPage, putFiles } from './pages.js'
import { rule } from './transports.js'

// PEP 658, 700 and 714: metadata beside a file, sizes and upload times.

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const metadata = Buffer.from(
  'Metadata-Version: 2.1\r\nName: demo\r\nVersion: 1.0\r\nAuthor: Zoë\r\nRequires-Dist: other>=2\r\n\r\nText\r\n',
)
const built = wheel({ name: 'demo', version: '1.0', metadata })

for (const how of ['copied in', 'uploaded'] as const) {
  rule(
    `metadata of a wheel that was ${how} is served as it stands in the wheel, under the digest on the page`,
    async (serve) => {
      const server = await serve()
      if (how === 'copied in') putFiles(server, built)
      else await server.post(uploadForm(built))
      const [file] = (await jsonPage(server, 'demo')).files
      const [anchor] = anchorsOf(await htmlPage(server, '/simple/demo/'))
      assert.deepEqual(file?.['core-metadata'], { sha256: sha256(metadata) })
      assert.equal(anchor?.attributes['data-core-metadata'], `sha256=${sha256(metadata)}`)
      const response = await server.request(`/packages/${built.filename}.metadata`)
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), metadata)
      assert.equal(response.headers.get('content-type'), 'application/octet-stream')
    },
  )
}

for (const [what, file] of [
  ['an sdist', sdist({ name: 'demo', version: '1.0' })],
  ['a wheel that is no archive', { filename: built.filename, bytes: Buffer.from('no archive') }],
] as const) {
  rule(`no metadata is promised for ${what}`, async (serve) => {
    const server = await serve()
    putFiles(server, file)
    assert.equal((await jsonPage(server, 'demo')).files[0]?.['core-metadata'], undefined)
    assert.doesNotMatch(await htmlPage(server, '/simple/demo/'), /metadata/)
  })
}

const { filename } = built
const info = 'demo-1.0.dist-info/METADATA'
const ownText = 'Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Python: >=3.9\n'
const otherText = 'Metadata-Version: 2.1\nName: other\nVersion: 1.0\nRequires-Python: >=3.9\n'

for (const [what, members] of [
  ['whose dist-info belongs to another project', [{ name: 'other-1.0.dist-info/METADATA', data: otherText }]],
  ['whose dist-info belongs to another version', [{ name: 'demo-2.0.dist-info/METADATA', data: ownText }]],
  ['whose METADATA names another project', [{ name: info, data: otherText }]],
  ['whose METADATA names another version', [{ name: info, data: ownText.replace('1.0', '1.0.1') }]],
  [
    'with two dist-info directories',
    [
      { name: info, data: ownText },
      { name: 'other-1.0.dist-info/WHEEL', data: '' },
    ],
  ],
  [
    'with a member that is there twice',
    [
      { name: info, data: ownText },
      { name: 'demo.py', data: 'one' },
      { name: 'demo.py', data: 'two' },
    ],
  ],
] as const) {
  for (const how of ['copied in', 'uploaded'] as const) {
    rule(`no metadata and no Requires-Python is told of a wheel ${what} and that was ${how}`, async (serve) => {
      const server = await serve()
      const file = { filename, bytes: zip(members) }
      if (how === 'copied in') putFiles(server, file)
      else assert.equal((await server.post(uploadForm(file))).status, 200)
      const [entry] = (await jsonPage(server, 'demo')).files
      assert.equal(entry?.filename, filename)
      assert.deepEqual([entry?.['core-metadata'], entry?.['requires-python']], [undefined, undefined])
      assert.doesNotMatch(await htmlPage(server, '/simple/demo/'), /data-core-metadata|data-requires-python/)
      assert.equal((await server.request(`/packages/${filename}.metadata`)).status, 404)
    })
  }
}

for (const [what, file] of [
  ['an sdist', sdist({ name: 'demo', version: '1.0', requiresPython: '>=3.9' })],
  ['a zipped sdist', { filename: 'demo-1.0.zip', bytes: zip([{ name: 'demo-1.0/PKG-INFO', data: ownText }]) }],
  ['an egg', { filename: 'demo-1.0-py3.9.egg', bytes: zip([{ name: 'EGG-INFO/PKG-INFO', data: ownText }]) }],
] as const) {
  for (const how of ['copied in', 'uploaded'] as const) {
    rule(`Requires-Python of ${what} that was ${how} is told, and no metadata promised`, async (serve) => {
      const server = await serve()
      if (how === 'copied in') putFiles(server, file)
      else assert.equal((await server.post(uploadForm(file))).status, 200)
      const [entry] = (await jsonPage(server, 'demo')).files
      const [anchor] = anchorsOf(await htmlPage(server, '/simple/demo/'))
      assert.deepEqual([entry?.['requires-python'], entry?.['core-metadata']], ['>=3.9', undefined])
      assert.equal(anchor?.attributes['data-requires-python'], '>=3.9')
      assert.equal(anchor?.attributes['data-core-metadata'], undefined)
    })
  }
}

rule('metadata that does not exist is 404', async (serve) => {
  const server = await serve()
  putFiles(server, { filename: built.filename, bytes: Buffer.from('no archive') })
  assert.equal((await server.request(`/packages/${built.filename}.metadata`)).status, 404)
  assert.equal((await server.request('/packages/missing-1.0-py3-none-any.whl.metadata')).status, 404)
})

rule('metadata is revalidated and read in ranges like a file', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  const path = `/packages/${built.filename}.metadata`
  const etag = (await server.request(path)).headers.get('etag') ?? ''
  assert.match(etag, /^"[^"]+"$/)
  assert.equal((await server.request(path, { headers: { 'if-none-match': etag } })).status, 304)
  const part = await server.request(path, { headers: { range: 'bytes=0-15' } })
  assert.deepEqual([part.status, await part.text()], [206, 'Metadata-Version'])
})

for (const [seconds, text] of [
  [1_700_000_000, '2023-11-14T22:13:20.000Z'],
  [1_700_000_000.25, '2023-11-14T22:13:20.250Z'],
  [1, '1970-01-01T00:00:01.000Z'],
  [4_102_444_800, '2100-01-01T00:00:00.000Z'],
] as const) {
  rule(`a file that was copied in with the time ${text} has that upload time`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    utimesSync(join(server.root, built.filename), seconds, seconds)
    const [file] = (await jsonPage(server, 'demo')).files
    assert.equal(file?.['upload-time'], text)
  })
}

rule('an upload has the time of its upload', async (serve) => {
  const server = await serve()
  const before = Date.now()
  await server.post(uploadForm(built))
  const [file] = (await jsonPage(server, 'demo')).files
  const uploaded = Date.parse(file?.['upload-time'] ?? '')
  // File systems round times down, to a few milliseconds at most.
  assert.ok(uploaded >= before - 20 && uploaded <= Date.now(), file?.['upload-time'])
})

rule('the size of a file is the number of bytes that a download has', async (serve) => {
  const server = await serve()
  putFiles(server, built, sdist({ name: 'demo', version: '1.0' }))
  for (const { filename, size } of (await jsonPage(server, 'demo')).files) {
    const response = await server.request(`/packages/${filename}`)
    assert.equal((await response.arrayBuffer()).byteLength, size)
  }
})

for (const [requiresPython, shown] of [
  ['>=3.8', '>=3.8'],
  ['>=3.8,', '>=3.8,'],
  ['>=3.8, !=3.9.*', '>=3.8, !=3.9.*'],
] as const) {
  rule(`Requires-Python ${requiresPython} is passed on as it is`, async (serve) => {
    const server = await serve()
    putFiles(server, wheel({ name: 'demo', version: '1.0', requiresPython }))
    const [file] = (await jsonPage(server, 'demo')).files
    assert.equal(file?.['requires-python'], shown)
  })
}
