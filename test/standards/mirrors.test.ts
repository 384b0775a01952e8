import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { type IndexServer, uploadForm } from '../helpers/index-server.js'
import { json, jsonPage, manage, putFiles } from './pages.js'
import { rule } from './transports.js'

// What bandersnatch and devpi ask for, and what they refuse to go on with.

const built = wheel({ name: 'my-demo', version: '1.0' })
const newer = wheel({ name: 'my-demo', version: '1.1' })
const other = wheel({ name: 'other', version: '1.0' })

interface RootPage {
  readonly meta: { readonly '_last-serial': number }
  readonly projects: readonly { readonly name: string; readonly '_last-serial': number }[]
}

interface Description {
  readonly last_serial: number
  readonly releases: Readonly<Record<string, readonly FileDescription[]>>
}

interface FileDescription {
  readonly filename: string
  readonly url: string
  readonly size: number
  readonly upload_time_iso_8601: string
  readonly digests: { readonly sha256: string }
}

/** As bandersnatch 8 reads the list: without the slash, following redirects. */
async function rootPage(server: IndexServer): Promise<RootPage> {
  const headers = { accept: json, 'user-agent': 'bandersnatch/8.0' }
  const moved = await server.request('/simple', { headers })
  assert.equal(moved.status, 301)
  const response = await server.request(new URL(moved.headers.get('location') ?? '', server.url).pathname, { headers })
  assert.equal(response.headers.get('content-type'), json)
  return (await response.json()) as RootPage
}

/** As bandersnatch 8 reads a project whose serial the list told; it refuses an older page. */
async function projectAt(server: IndexServer, name: string, serial: number): Promise<Description> {
  const response = await server.request(`/pypi/${name}/json`, { headers: { 'user-agent': 'bandersnatch/8.0' } })
  assert.equal(response.status, 200)
  const header = Number(response.headers.get('x-pypi-last-serial'))
  const description = (await response.json()) as Description
  assert.ok(header >= serial, `the page is of ${header}, the list of ${serial}`)
  assert.equal(description.last_serial, header)
  return description
}

async function remote(server: IndexServer, method: string, ...params: readonly string[]): Promise<string> {
  const values = params.map((param) => `<param><value>${param}</value></param>`).join('')
  const body = `<?xml version='1.0'?><methodCall><methodName>${method}</methodName><params>${values}</params></methodCall>`
  const response = await server.request('/pypi', { method: 'POST', body, headers: { 'content-type': 'text/xml' } })
  assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/xml; charset=utf-8'])
  return await response.text()
}

async function lastSerial(server: IndexServer): Promise<number> {
  return Number(/<int>(\d+)<\/int>/.exec(await remote(server, 'changelog_last_serial'))?.[1])
}

/** What a mirror is told since a serial: name, action and serial. */
async function changesSince(
  server: IndexServer,
  serial: number,
): Promise<readonly (readonly [string, string, number])[]> {
  const row =
    /<data><value><string>([^<]+)<\/string><\/value><value><nil\/><\/value><value><int>\d+<\/int><\/value><value><string>([^<]+)<\/string><\/value><value><int>(\d+)<\/int>/g
  const xml = await remote(server, 'changelog_since_serial', `<int>${serial}</int>`)
  return [...xml.matchAll(row)].map(([, name = '', action = '', own]) => [name, action, Number(own)] as const)
}

/** The serial that the index tells once all these projects are counted. */
async function counted(server: IndexServer, count: number): Promise<number> {
  await eventually(async () => (await changesSince(server, 0)).length === count)
  return await lastSerial(server)
}

rule(
  'a mirror like bandersnatch finds every project, its serial, and all that it wants of its files',
  async (serve) => {
    const server = await serve()
    putFiles(server, built, newer, other)
    await counted(server, 2)
    const { meta, projects } = await rootPage(server)
    assert.deepEqual(
      projects.map(({ name }) => name),
      ['my-demo', 'other'],
    )
    assert.equal(meta['_last-serial'], Math.max(...projects.map((project) => project['_last-serial'])))
    for (const project of projects) {
      const { releases } = await projectAt(server, project.name, project['_last-serial'])
      for (const file of Object.values(releases).flat()) {
        const path = new URL(file.url).pathname
        assert.match(path, /^\/packages\//)
        const bytes = await (await server.request(path)).arrayBuffer()
        assert.equal(bytes.byteLength, file.size)
        assert.match(file.digests.sha256, /^[0-9a-f]{64}$/)
        assert.match(file.upload_time_iso_8601, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
      }
    }
  },
)

rule('the second run of a mirror finds higher serials for exactly what changed', async (serve) => {
  const server = await serve()
  putFiles(server, built, other)
  const last = await counted(server, 2)
  await server.post(uploadForm(newer))
  await eventually(async () => (await lastSerial(server)) > last)
  const changed = (await rootPage(server)).projects.filter((project) => project['_last-serial'] > last)
  assert.deepEqual(
    changed.map(({ name }) => name),
    ['my-demo'],
  )
  await projectAt(server, 'my-demo', changed[0]?.['_last-serial'] ?? 0)
})

rule(
  'an older mirror is told by the change log what to read again, and no page is older than the log',
  async (serve) => {
    const server = await serve()
    putFiles(server, built, other)
    const last = await counted(server, 2)
    await manage(server, 'PUT', 'my-demo/releases/1.0/yank', { reason: 'broken' })
    await eventually(async () => (await changesSince(server, last)).length > 0)
    const changes = await changesSince(server, last)
    assert.deepEqual(
      changes.map(([name, action]) => [name, action]),
      [['my-demo', 'update']],
    )
    for (const [name, , serial] of changes) await projectAt(server, name, serial)
    assert.deepEqual(await changesSince(server, changes[0]?.[2] ?? 0), [])
  },
)

rule('a mirror is told of a project that is gone, whose page is 404 then', async (serve) => {
  const server = await serve()
  putFiles(server, built, other)
  const last = await counted(server, 2)
  rmSync(join(server.root, other.filename))
  await eventually(async () => (await changesSince(server, last)).length > 0)
  const [[name, action] = []] = await changesSince(server, last)
  assert.deepEqual([name, action], ['other', 'remove project'])
  assert.equal((await server.request('/pypi/other/json')).status, 404)
})

rule('the serial on a page never goes down, which a mirror like devpi takes for an error', async (serve) => {
  const server = await serve()
  putFiles(server, built)
  const accept = 'application/vnd.pypi.simple.v1+html;q=0.2, application/vnd.pypi.simple.v1+json, text/html;q=0.01'
  let before = 0
  for (const change of [
    async () => {},
    () => server.post(uploadForm(newer)),
    () => manage(server, 'PUT', 'my-demo/status', { status: 'archived' }),
    () => manage(server, 'DELETE', 'my-demo/releases/1.0'),
  ]) {
    await change()
    const response = await server.request('/simple/my-demo/', { headers: { accept } })
    assert.equal(response.headers.get('content-type'), json)
    const serial = Number(response.headers.get('x-pypi-last-serial'))
    assert.ok(serial > before, `${serial} comes after ${before}`)
    const etag = response.headers.get('etag') ?? ''
    const again = await server.request('/simple/my-demo/', { headers: { accept, 'if-none-match': etag } })
    assert.deepEqual([again.status, again.headers.get('x-pypi-last-serial')], [304, String(serial)])
    before = serial
  }
})

rule(
  'the serial of a project is the same in the header, in both forms of its page, and in the JSON API',
  async (serve) => {
    const server = await serve()
    putFiles(server, built)
    const { meta } = (await jsonPage(server, 'my-demo')) as unknown as RootPage
    for (const path of ['/simple/my-demo/', '/pypi/my-demo/json', '/pypi/my-demo/1.0/json']) {
      const { headers } = await server.request(path)
      assert.equal(headers.get('x-pypi-last-serial'), String(meta['_last-serial']), path)
    }
  },
)

rule(
  'XML-RPC lists names with serials, versions from the newest, and the files and facts of a release',
  async (serve) => {
    const server = await serve()
    putFiles(server, built, newer)
    await counted(server, 1)
    assert.match(await remote(server, 'list_packages'), /<data><value><string>my-demo<\/string><\/value><\/data>/)
    assert.match(
      await remote(server, 'list_packages_with_serial'),
      /<struct><member><name>my-demo<\/name><value><int>\d+</,
    )
    const name = '<string>My.Demo</string>'
    const versions = await remote(server, 'package_releases', name)
    assert.match(versions, /<data><value><string>1\.1<\/string><\/value><value><string>1\.0<\/string><\/value><\/data>/)
    await manage(server, 'PUT', 'my-demo/releases/1.1/yank')
    assert.doesNotMatch(await remote(server, 'package_releases', name), /1\.1/)
    assert.match(await remote(server, 'package_releases', name, '<boolean>1</boolean>'), /1\.1/)
    const urls = await remote(server, 'release_urls', name, '<string>1.0</string>')
    assert.match(urls, new RegExp(`<name>filename</name><value><string>${built.filename}</string>`))
    assert.match(urls, /<name>upload_time<\/name><value><dateTime\.iso8601>\d{8}T\d\d:\d\d:\d\d</)
    assert.match(
      await remote(server, 'release_data', name, '<string>1.0</string>'),
      /<name>version<\/name><value><string>1\.0</,
    )
    assert.match(await remote(server, 'release_urls', name, '<string>9</string>'), /<array><data><\/data><\/array>/)
  },
)

rule('a call with wrong parameters is a fault, and a project that one may not list is refused', async (serve) => {
  const server = await serve({ authorizer: (_, { project }) => project !== 'my-demo' })
  putFiles(server, built, other)
  for (const [method, ...params] of [
    ['changelog_since_serial'],
    ['changelog_since_serial', '<int>-1</int>'],
    ['package_releases'],
    ['release_urls', '<string>other</string>'],
  ] as const) {
    assert.match(await remote(server, method, ...params), /<fault>/, method)
  }
  const body = `<methodCall><methodName>package_releases</methodName><params><param><value>my-demo</value></param></params></methodCall>`
  assert.equal((await server.request('/RPC2', { method: 'POST', body })).status, 403)
})
