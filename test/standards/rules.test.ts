import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import { createToken, tokens } from 'pypi-server'
import { sdist, wheel } from '../helpers/archives.js'
import { basic, type IndexServer, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { anchorsOf, htmlPage, json, jsonPage, manage, putFiles, resolveFrom } from './pages.js'
import { rule } from './transports.js'

// Rules whose breach breaks some client in use; numbered in the comments as in the project's list of them.

const built = wheel({ name: 'demo', version: '1.0', requiresPython: '>=3.8', requiresDist: ['other>=2'] })
const source = sdist({ name: 'demo', version: '1.0' })
const other = wheel({ name: 'demo', version: '1.0', files: { 'demo/other.py': '' } })

/** Pages of the project demo in both forms, however much or little is known of its files. */
async function allPages(server: IndexServer): Promise<string> {
  const pages = await Promise.all(
    ['text/html', json].map(async (accept) => {
      return await (await server.request('/simple/demo/', { headers: { accept } })).text()
    }),
  )
  return pages.join('\n')
}

// 1
for (const headers of [{}, { accept: '*/*' }, { accept: 'text/html' }]) {
  rule(`pages for Accept ${headers.accept ?? '(absent)'} are HTML of type text/html`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    for (const path of ['/simple/', '/simple/demo/']) {
      const response = await server.request(path, { headers })
      assert.match(response.headers.get('content-type') ?? '', /^text\/html(?:;|$)/)
      assert.match(await response.text(), /^<!DOCTYPE html>/)
    }
  })
}

// 2
rule('a page in JSON has exactly the registered media type, in lower case', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  for (const path of ['/simple/', '/simple/demo/']) {
    const response = await server.request(path, { headers: { accept: json.toUpperCase() } })
    assert.equal(response.headers.get('content-type'), json)
  }
})

// 3
rule('no key of a page in JSON is null', async (serve) => {
  const server = await serve()
  putFiles(server, built, source, { filename: 'demo-0.1.zip', bytes: Buffer.from('no archive') })
  await manage(server, 'PUT', `demo/files/${built.filename}/yank`)
  const response = await server.request('/simple/demo/', { headers: { accept: json } })
  assert.doesNotMatch(await response.text(), /null/)
})

// 4
for (const hashAlgo of ['sha256', 'md5', 'blake2b', 'sha3_512'] as const) {
  rule(`sha256 comes first among the digests in JSON where links show ${hashAlgo}`, async (serve) => {
    const server = await serve({ hashAlgo })
    putFiles(server, built)
    const [file] = (await jsonPage(server, 'demo')).files
    assert.deepEqual(Object.keys(file?.hashes ?? {}), [...new Set(['sha256', hashAlgo])])
    assert.equal(file?.hashes['sha256'], createHash('sha256').update(built.bytes).digest('hex'))
  })
}

// 5
rule('links in HTML carry sha256 and no other digest, unless the operator wants another', async (serve) => {
  const server = await serve()
  putFiles(server, built, source)
  const digests = [built, source].map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'))
  const links = anchorsOf(await htmlPage(server, '/simple/demo/')).map(({ attributes }) => attributes['href'] ?? '')
  assert.deepEqual(
    links.map((link) => link.slice(link.indexOf('#'))).sort(),
    digests.map((hex) => `#sha256=${hex}`).sort(),
  )
})

// 6
rule('upload times are UTC with a Z and at most six digits of fraction', async (serve) => {
  const server = await serve()
  putFiles(server, built, source)
  await server.post(uploadForm(wheel({ name: 'demo', version: '2.0' })))
  for (const file of (await jsonPage(server, 'demo')).files) {
    assert.match(file['upload-time'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$/)
  }
})

// 7
rule('a yank without a reason is written with an empty value in HTML', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  await manage(server, 'PUT', 'demo/releases/1.0/yank')
  assert.match(await htmlPage(server, '/simple/demo/'), / data-yanked=""/)
})

// 8
rule('neither form of a page says that metadata is absent, nor uses the older key for it', async (serve) => {
  const server = await serve()
  putFiles(server, built, source)
  assert.doesNotMatch(await allPages(server), /core-metadata(?:="false"|":\s*false)|dist-info-metadata/)
})

// 9
rule('the metadata that a page promises is there, byte for byte as in the wheel', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  const [file] = (await jsonPage(server, 'demo')).files
  assert.deepEqual(file?.['core-metadata'], { sha256: createHash('sha256').update(built.metadata).digest('hex') })
  const response = await server.request(`${resolveFrom(server, '/simple/demo/', file?.url ?? '')}.metadata`)
  assert.equal(response.status, 200)
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), built.metadata)
})

// 10 and 11
rule('addresses of files have no query and end in the name that the anchor shows', async (serve) => {
  const server = await serve()
  const odd = [wheel({ name: 'demo', version: '1.0+local.1' }), wheel({ name: 'demo', version: '1!2.0' })]
  putFiles(server, built, source, ...odd, { filename: 'demo-0.1 (old).zip', bytes: Buffer.from('no archive') })
  const anchors = anchorsOf(await htmlPage(server, '/simple/demo/'))
  assert.equal(anchors.length, 5)
  for (const { text, attributes } of anchors) {
    const { pathname, search } = new URL(attributes['href'] ?? '', server.url)
    assert.deepEqual([decodeURIComponent(basename(pathname)), search], [text, ''])
    assert.equal((await server.request(resolveFrom(server, '/simple/demo/', attributes['href'] ?? ''))).status, 200)
  }
  const entries = (await jsonPage(server, 'demo')).files
  assert.deepEqual(
    entries.map(({ url }) => decodeURIComponent(basename(url))),
    anchors.map(({ text }) => text),
  )
})

// 12
for (const path of ['/', '/legacy', '/legacy/']) {
  rule(`an upload to ${path} is answered 200 without any redirect`, async (serve) => {
    const server = await serve()
    const response = await server.request(path, { method: 'POST', body: uploadForm(built) })
    assert.deepEqual([response.status, response.headers.get('location')], [200, null])
  })
}

// 12 again: the address is relative, so that it is right below every prefix and behind every proxy.
rule('a redirect leads, in one step, to an address of this index that answers', async (serve) => {
  const server = await serve()
  putFiles(server, wheel({ name: 'my-demo', version: '1.0' }))
  for (const path of ['/simple', '/simple/my-demo', '/simple/My.Demo', '/simple/My__Demo/', '/my-demo/', '/packages']) {
    const response = await server.request(path)
    assert.ok(response.status >= 300 && response.status < 400, path)
    const target = resolveFrom(server, path, response.headers.get('location') ?? '')
    assert.equal((await server.request(target)).status, 200, `${path} leads to ${target}`)
  }
})

// 13
rule('an upload that succeeds is answered 200 with an empty body, also when it is repeated', async (serve) => {
  const server = await serve()
  for (const _ of [1, 2]) {
    const response = await server.post(uploadForm(built))
    assert.deepEqual([response.status, await response.text()], [200, ''])
  }
})

// 14
for (const [userAgent, status] of [
  ['twine/4.0.2 CPython/3.11.2', 400],
  ['twine/7.0.0 CPython/3.12.1', 400],
  ['uv/0.12.5', 409],
  ['poetry/2.1.0 CPython/3.12.1 Linux/6.1', 409],
  ['pdm/2.28.2 CPython/3.12.1', 409],
  ['Hatch/1.18.0 cpython/3.12', 409],
  ['python-requests/2.32.3', 409],
] as const) {
  rule(`${userAgent} reads «File already exists» with ${status} for other bytes under a taken name`, async (serve) => {
    const server = await serve()
    await server.post(uploadForm(built))
    const response = await server.post(uploadForm(other), { headers: { 'user-agent': userAgent } })
    assert.equal(response.status, status)
    assert.match(response.statusText, /^File already exists/)
    assert.match(await response.text(), /^File already exists/)
  })
}

// 15
for (const [form, login] of [
  ['password of __token__', (token: string) => basic('__token__', token)],
  ['user name with an empty password', (token: string) => basic(token, '')],
] as const) {
  rule(`a token works as the ${form}`, async (serve, t) => {
    const path = join(temporaryDirectory(t), 'tokens.json')
    const { token } = await createToken(path, { name: 'ci', actions: 'all', projects: ['*'] })
    const server = await serve({ auther: tokens(path), authenticate: ['list', 'download', 'update'] })
    assert.equal((await server.request('/simple/', { headers: login(token) })).status, 200)
    assert.equal((await server.post(uploadForm(built), { headers: login(token) })).status, 200)
  })
}

// 16
rule('what is read with a login only is 401 with a Basic challenge, whether or not it exists', async (serve) => {
  const server = await serve({ auther: () => false, authenticate: ['list', 'download', 'update'] })
  putFiles(server, built)
  const file = `/packages/${built.filename}`
  for (const path of [
    '/simple/',
    '/simple/demo/',
    '/simple/missing/',
    file,
    `${file}.metadata`,
    '/packages/missing.whl',
  ]) {
    const response = await server.request(path)
    assert.equal(response.status, 401, path)
    assert.match(response.headers.get('www-authenticate') ?? '', /^Basic realm="[^"]+"/)
  }
})

// 18
rule('files are served with their length, in ranges, under a strong validator and without a coding', async (serve) => {
  const server = await serve()
  putFiles(server, built, source)
  const asked = { 'accept-encoding': 'gzip, deflate, br, zstd' }
  for (const { filename, bytes } of [built, source]) {
    const whole = await server.request(`/packages/${filename}`, { headers: asked })
    assert.equal(whole.headers.get('content-length'), String(bytes.length))
    assert.deepEqual([whole.headers.get('accept-ranges'), whole.headers.get('content-encoding')], ['bytes', null])
    assert.match(whole.headers.get('etag') ?? '', /^"[^"]+"$/)
    const part = await server.request(`/packages/${filename}`, { headers: { ...asked, range: 'bytes=2-5' } })
    assert.deepEqual([part.status, part.headers.get('content-range')], [206, `bytes 2-5/${bytes.length}`])
    assert.deepEqual([part.headers.get('content-length'), part.headers.get('content-encoding')], ['4', null])
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(2, 6))
  }
})

// 19
const readable = [
  ...[
    '/',
    '/health',
    '/simple',
    '/simple/',
    '/simple/demo',
    '/simple/demo/',
    '/simple/missing/',
    '/packages/',
    '/demo',
  ],
  ...[`/packages/${built.filename}`, `/packages/${built.filename}.metadata`, '/packages/missing.whl', '/demo/json'],
  ...['/pypi/demo/json', '/pypi/demo/1.0/json', '/pypi/Demo/json', '/pypi/missing/json', '/rss/updates.xml'],
  ...['/rss/packages.xml', '/rss/project/demo/releases.xml', '/api/openapi.json', '/api/projects/demo/status'],
]
for (const path of readable) {
  rule(`HEAD ${path} has the status and the headers of GET, and no body`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    // Until its digest is known, a file has another validator.
    await jsonPage(server, 'demo')
    const get = await server.request(path)
    const head = await server.request(path, { method: 'HEAD' })
    assert.equal(head.status, get.status)
    assert.deepEqual(headersOf(head), headersOf(get))
    assert.equal((await head.arrayBuffer()).byteLength, 0)
  })
}

function headersOf({ headers }: Response): Readonly<Record<string, string>> {
  return Object.fromEntries([...headers].filter(([name]) => name !== 'date'))
}

// 20
rule('the address of the project list without its slash leads to the one with it', async (serve) => {
  const server = await serve()
  for (const headers of [{}, { accept: json }, { 'user-agent': 'bandersnatch/8.0' }]) {
    const response = await server.request('/simple', { headers })
    assert.equal(response.status, 301)
    assert.equal(resolveFrom(server, '/simple', response.headers.get('location') ?? ''), '/simple/')
  }
})
