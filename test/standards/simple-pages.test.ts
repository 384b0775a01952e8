import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type BuiltArchive, sdist, wheel } from '../helpers/archives.js'
import { uploadForm } from '../helpers/index-server.js'
import { anchorsOf, htmlPage, json, jsonPage, manage, putFiles, resolveFrom } from './pages.js'
import { rule } from './transports.js'

// PEP 503, 629, 691, 700 and 714: addresses and the two forms of a page.

const built = wheel({ name: 'demo', version: '1.0', requiresPython: '>=3.8,<4' })
const source = sdist({ name: 'demo', version: '1.0' })
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

for (const spelling of ['Demo-App', 'demo_app', 'demo.app', 'DEMO-_.app']) {
  rule(`${spelling} is redirected to the page of demo-app, with and without the slash`, async (serve) => {
    const server = await serve()
    putFiles(server, wheel({ name: 'demo-app', version: '1.0' }))
    for (const path of [`/simple/${spelling}`, `/simple/${spelling}/`]) {
      const response = await server.request(path)
      assert.equal(response.status, 301)
      assert.equal(resolveFrom(server, path, response.headers.get('location') ?? ''), '/simple/demo-app/')
    }
  })
}

rule('a project without its slash is redirected to the address with it', async (serve) => {
  const response = await (await serve()).request('/simple/demo')
  assert.deepEqual([response.status, response.headers.get('location')], [301, 'demo/'])
})

rule('an unknown project is 404 in whatever form it is asked for', async (serve) => {
  const server = await serve()
  for (const accept of ['text/html', json, '*/*', 'application/octet-stream']) {
    const { status } = await server.request('/simple/missing/', { headers: { accept } })
    assert.equal(status, accept === 'application/octet-stream' ? 406 : 404)
  }
})

rule('a project without files has an empty page', async (serve) => {
  const server = await serve()
  await server.post(uploadForm(built))
  await manage(server, 'DELETE', 'demo/releases/1.0')
  const { name, versions, files } = await jsonPage(server, 'demo')
  assert.deepEqual({ name, versions, files }, { name: 'demo', versions: [], files: [] })
  assert.deepEqual(anchorsOf(await htmlPage(server, '/simple/demo/')), [])
})

rule('a page in HTML is an HTML5 document in UTF-8 that tells its repository version', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  for (const path of ['/simple/', '/simple/demo/']) {
    const page = await htmlPage(server, path)
    assert.match(page, /^<!DOCTYPE html>\n<html[^>]*>\n<head>\n<meta charset="utf-8">/)
    assert.match(page, /<meta name="pypi:repository-version" content="1\.4">/)
    assert.match(page, /<title>[^<]+<\/title>/)
  }
})

rule('the project list has one anchor a project, with the normalized name and a slash in its link', async (serve) => {
  const server = await serve()
  putFiles(server, wheel({ name: 'Demo_App', version: '1.0' }), wheel({ name: 'other', version: '1.0' }))
  const anchors = anchorsOf(await htmlPage(server, '/simple/'))
  assert.deepEqual(
    anchors.map(({ attributes }) => attributes['href']),
    ['demo-app/', 'other/'],
  )
})

rule('the project list in JSON is an object with the API version and a name for each project', async (serve) => {
  const server = await serve()
  putFiles(server, wheel({ name: 'Demo_App', version: '1.0' }), wheel({ name: 'other', version: '1.0' }))
  const response = await server.request('/simple/', { headers: { accept: json } })
  const { meta, projects } = (await response.json()) as { meta: object; projects: readonly { readonly name: string }[] }
  // Serials are PyPI's own, under keys that begin with `_` (PEP 700).
  assert.deepEqual({ ...meta, '_last-serial': 0 }, { 'api-version': '1.4', '_last-serial': 0 })
  assert.deepEqual(
    projects.map(({ name }) => name),
    ['demo-app', 'other'],
  )
})

rule(
  'a project page in HTML has one anchor a line and a file, with the link first, in double quotes',
  async (serve) => {
    const server = await serve()
    putFiles(server, built, source)
    const page = await htmlPage(server, '/simple/demo/')
    const lines = page.split('\n').filter((line) => line.includes('<a'))
    assert.equal(lines.length, 2)
    for (const line of lines) assert.match(line, /^<a href="[^" ]+"(?: data-[a-z-]+="[^"]*")*>[^<>]+<\/a><br>$/)
  },
)

rule('a project page in HTML tells the digest, the Pythons and the metadata of a wheel', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  const page = await htmlPage(server, '/simple/demo/')
  const [anchor] = anchorsOf(page)
  assert.deepEqual(anchor?.attributes, {
    href: `../../packages/${built.filename}#sha256=${sha256(built.bytes)}`,
    'data-requires-python': '>=3.8,<4',
    'data-core-metadata': `sha256=${sha256(built.metadata)}`,
  })
  assert.doesNotMatch(page, /data-requires-python="[^"]*[<>]/)
})

rule('attributes without a value are left out of the HTML', async (serve) => {
  const server = await serve()
  putFiles(server, source)
  const [anchor] = anchorsOf(await htmlPage(server, '/simple/demo/'))
  assert.deepEqual(Object.keys(anchor?.attributes ?? {}), ['href'])
})

rule(
  'a signature beside a file is told in both forms and served at the address of the file with .asc',
  async (serve) => {
    const server = await serve()
    putFiles(server, built, { filename: `${built.filename}.asc`, bytes: Buffer.from('signature') })
    const [anchor] = anchorsOf(await htmlPage(server, '/simple/demo/'))
    assert.equal(anchor?.attributes['data-gpg-sig'], 'true')
    const [file] = (await jsonPage(server, 'demo')).files
    assert.equal(file && 'gpg-sig' in file && file['gpg-sig'], true)
    const path = resolveFrom(server, '/simple/demo/', `${file?.url}.asc`)
    assert.equal(await (await server.request(path)).text(), 'signature')
  },
)

rule('a project page in JSON has the mandatory keys, and nothing in them escaped for HTML', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  const page = await jsonPage(server, 'demo')
  assert.deepEqual(
    {
      ...page,
      meta: { ...page.meta, '_last-serial': 0 },
      files: page.files.map(({ 'upload-time': time, ...file }) => ({ ...file, isTimed: time !== undefined })),
    },
    {
      meta: { 'api-version': '1.4', '_last-serial': 0 },
      name: 'demo',
      versions: ['1.0'],
      files: [
        {
          filename: built.filename,
          url: `../../packages/${built.filename}`,
          hashes: { sha256: sha256(built.bytes) },
          'requires-python': '>=3.8,<4',
          size: built.bytes.length,
          'core-metadata': { sha256: sha256(built.metadata) },
          isTimed: true,
        },
      ],
    },
  )
})

rule('the versions of a project are a set that holds the version of every file', async (serve) => {
  const server = await serve()
  const newer = [wheel({ name: 'demo', version: '1.10' }), wheel({ name: 'demo', version: '1.9' })]
  putFiles(server, built, source, ...newer)
  const { versions } = await jsonPage(server, 'demo')
  assert.deepEqual([...versions].sort(), ['1.0', '1.10', '1.9'])
})

rule('every file has a size, an upload time and lower-case digests, whatever kind of file it is', async (serve) => {
  const server = await serve()
  const egg: Pick<BuiltArchive, 'filename' | 'bytes'> = { filename: 'demo-1.0-py2.7.egg', bytes: built.bytes }
  const broken = { filename: 'demo-0.1-py3-none-any.whl', bytes: source.bytes }
  putFiles(server, built, source, egg, broken, { filename: 'demo-0.1.win32-py2.7.exe', bytes: source.bytes })
  const { files } = await jsonPage(server, 'demo')
  const sizes = new Map([built, source, egg, broken].map(({ filename, bytes }) => [filename, bytes.length]))
  for (const file of files) {
    assert.equal(file.size, sizes.get(file.filename) ?? source.bytes.length)
    assert.match(file.hashes['sha256'] ?? '', /^[0-9a-f]{64}$/)
    assert.match(file['upload-time'], /Z$/)
  }
  assert.ok(files.length >= 4)
})

rule('keys of API versions that are not served do not appear', async (serve) => {
  const server = await serve()
  putFiles(server, built, source)
  const response = await server.request('/simple/demo/', { headers: { accept: json } })
  assert.doesNotMatch(await response.text(), /"(?:namespaces|provenance|tracks|alternate-locations)"/)
})
