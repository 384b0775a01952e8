import assert from 'node:assert/strict'
import { sdist, wheel } from '../helpers/archives.js'
import { type IndexServer, uploadForm } from '../helpers/index-server.js'
import { anchorsOf, htmlPage, jsonPage, manage, putFiles } from './pages.js'
import { rule } from './transports.js'

// PEP 592 and PEP 792.

const built = wheel({ name: 'demo', version: '1.0' })
const source = sdist({ name: 'demo', version: '1.0' })
const newer = wheel({ name: 'demo', version: '1.1' })

/** The yank of each file: in JSON, and in HTML. */
async function yanksOf(server: IndexServer): Promise<Readonly<Record<string, readonly [unknown, unknown]>>> {
  const anchors = anchorsOf(await htmlPage(server, '/simple/demo/'))
  const { files } = await jsonPage(server, 'demo')
  return Object.fromEntries(
    files.map(({ filename, yanked }) => {
      const anchor = anchors.find(({ text }) => text === filename)
      return [filename, [yanked, anchor?.attributes['data-yanked']]]
    }),
  )
}

rule('a yank of a release marks each of its files with the reason, and no file of another', async (serve) => {
  const server = await serve()
  putFiles(server, built, source, newer)
  await manage(server, 'PUT', 'demo/releases/1.0/yank', { reason: 'breaks "x" & <y>' })
  const yank = ['breaks "x" & <y>', 'breaks "x" & <y>']
  const unmarked = [undefined, undefined]
  assert.deepEqual(await yanksOf(server), {
    [source.filename]: yank,
    [built.filename]: yank,
    [newer.filename]: unmarked,
  })
})

rule('a yank with an empty reason is true in JSON and an empty attribute in HTML', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  await manage(server, 'PUT', 'demo/releases/1.0/yank', { reason: '' })
  assert.deepEqual(await yanksOf(server), { [built.filename]: [true, ''] })
})

rule('a yank is put on one file, changed and taken back', async (serve) => {
  const server = await serve()
  putFiles(server, built, source)
  const path = `demo/files/${built.filename}/yank`
  await manage(server, 'PUT', path, { reason: 'first' })
  await manage(server, 'PUT', path, { reason: 'second' })
  assert.deepEqual((await yanksOf(server))[built.filename], ['second', 'second'])
  assert.deepEqual((await yanksOf(server))[source.filename], [undefined, undefined])
  await manage(server, 'DELETE', path)
  assert.deepEqual((await yanksOf(server))[built.filename], [undefined, undefined])
})

rule('a yanked file and its metadata are still served', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  await manage(server, 'PUT', 'demo/releases/1.0/yank')
  const file = await server.request(`/packages/${built.filename}`)
  assert.deepEqual(Buffer.from(await file.arrayBuffer()), built.bytes)
  assert.equal((await server.request(`/packages/${built.filename}.metadata`)).status, 200)
})

rule('a project of which nothing is said has no status, which means active', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  assert.equal((await jsonPage(server, 'demo'))['project-status'], undefined)
  assert.deepEqual(metasOf(await htmlPage(server, '/simple/demo/')), {})
})

for (const status of ['active', 'archived', 'deprecated', 'quarantined']) {
  rule(`${status} stands at the top of the JSON, and in the head of the HTML, with its reason`, async (serve) => {
    const server = await serve()
    putFiles(server, built)
    await manage(server, 'PUT', 'demo/status', { status, reason: 'moved to "new"' })
    assert.deepEqual((await jsonPage(server, 'demo'))['project-status'], { status, reason: 'moved to "new"' })
    const metas = { 'pypi:project-status': status, 'pypi:project-status-reason': 'moved to "new"' }
    assert.deepEqual(metasOf(await htmlPage(server, '/simple/demo/')), metas)
  })
}

for (const [status, uploads, listed, download] of [
  ['active', 200, 1, 200],
  ['deprecated', 200, 1, 200],
  ['archived', 403, 1, 200],
  ['quarantined', 403, 0, 404],
] as const) {
  rule(
    `${status}: uploads are answered ${uploads}, ${listed} file is listed, downloads are ${download}`,
    async (serve) => {
      const server = await serve()
      putFiles(server, built)
      await manage(server, 'PUT', 'demo/status', { status })
      assert.equal((await jsonPage(server, 'demo')).files.length, listed)
      assert.equal(anchorsOf(await htmlPage(server, '/simple/demo/')).length, listed)
      assert.equal((await server.request(`/packages/${built.filename}`)).status, download)
      assert.equal((await server.request(`/packages/${built.filename}.metadata`)).status, download)
      assert.equal((await server.post(uploadForm(newer))).status, uploads)
    },
  )
}

rule('the files of a quarantined project are on no other page either', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  await manage(server, 'PUT', 'demo/status', { status: 'quarantined' })
  for (const path of ['/packages/', '/pypi/demo/json', '/demo/json', '/rss/updates.xml']) {
    assert.doesNotMatch(await (await server.request(path)).text(), /demo-1\.0|demo 1\.0/, path)
  }
})

rule('nothing tells of the files of a quarantined project or serves them, whatever door is tried', async (serve) => {
  const server = await serve()
  putFiles(server, built, { filename: `${built.filename}.asc`, bytes: Buffer.from('signature') })
  const doors = [
    ...['', '.metadata', '.asc'].map((suffix) => `/packages/${built.filename}${suffix}`),
    ...['/pypi/demo/json', '/pypi/demo/1.0/json', '/demo/json'],
  ]
  for (const path of doors) assert.equal((await server.request(path)).status, 200, path)
  await manage(server, 'PUT', 'demo/status', { status: 'quarantined' })
  for (const path of doors) {
    assert.equal((await server.request(path)).status, 404, path)
    assert.equal((await server.request(path, { method: 'HEAD' })).status, 404, path)
  }
  const range = { range: 'bytes=0-9', 'if-none-match': '*' }
  assert.equal((await server.request(doors[0] ?? '', { headers: range })).status, 404)
  for (const path of ['/packages/', '/rss/updates.xml', '/rss/packages.xml', '/rss/project/demo/releases.xml']) {
    const response = await server.request(path)
    assert.equal(response.status, 200, path)
    assert.doesNotMatch(await response.text(), /demo-1\.0|demo 1\.0|<item>/, path)
  }
  for (const [method, ...params] of [
    ['release_urls', 'demo', '1.0'],
    ['release_data', 'demo', '1.0'],
    ['package_releases', 'demo', '1'],
    ['search', 'demo'],
  ]) {
    const response = await server.request('/RPC2', { method: 'POST', body: xmlRpcCall(method ?? '', params) })
    assert.equal(response.status, 200)
    assert.doesNotMatch(await response.text(), /demo|1\.0</, method)
  }
})

rule('when quarantine ends, the files are what they were', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  const before = await jsonPage(server, 'demo')
  await manage(server, 'PUT', 'demo/status', { status: 'quarantined' })
  await manage(server, 'PUT', 'demo/status', { status: 'active' })
  const { files, 'project-status': status } = await jsonPage(server, 'demo')
  assert.deepEqual([files, status], [before.files, { status: 'active' }])
})

rule(
  'an archived project takes no upload at all, not even of bytes that it has, and other projects do',
  async (serve) => {
    const server = await serve({ overwrite: true })
    putFiles(server, built)
    await manage(server, 'PUT', 'demo/status', { status: 'archived' })
    for (const file of [built, newer, source]) {
      const response = await server.post(uploadForm(file))
      assert.deepEqual([response.status, response.statusText], [403, 'project demo is archived and takes no uploads'])
    }
    assert.equal((await server.post(uploadForm(wheel({ name: 'other', version: '1.0' })))).status, 200)
  },
)

rule('a quarantined project leads to no other index', async (serve) => {
  const server = await serve({ fallbackUrl: 'https://elsewhere.example/simple/' })
  putFiles(server, built)
  await manage(server, 'PUT', 'demo/status', { status: 'quarantined' })
  assert.equal((await server.request('/simple/demo/')).status, 200)
})

rule('a reason of several lines stays on the line of its anchor and of its meta element', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  const reason = 'first\r\nsecond\n<third>'
  await manage(server, 'PUT', 'demo/releases/1.0/yank', { reason })
  await manage(server, 'PUT', 'demo/status', { status: 'deprecated', reason })
  const page = await htmlPage(server, '/simple/demo/')
  assert.match(page, /^<a href="[^\n]+>demo-1\.0-py3-none-any\.whl<\/a><br>$/m)
  assert.match(page, /^<meta name="pypi:project-status-reason" content="[^"\n]+">$/m)
  const { files, 'project-status': status } = await jsonPage(server, 'demo')
  assert.deepEqual([files[0]?.yanked, status?.reason], [reason, reason])
})

function xmlRpcCall(method: string, params: readonly string[]): string {
  const values = params.map((param) => `<param><value><string>${param}</string></value></param>`).join('')
  return `<?xml version='1.0'?><methodCall><methodName>${method}</methodName><params>${values}</params></methodCall>`
}

function metasOf(page: string): Readonly<Record<string, string>> {
  const metas = [...page.matchAll(/<meta name="(pypi:project-[a-z-]+)" content="([^"]*)">/g)]
  return Object.fromEntries(metas.map(([, name = '', content = '']) => [name, content.replaceAll('&#34;', '"')]))
}
