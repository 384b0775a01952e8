import assert from 'node:assert/strict'
import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { SaxesParser } from 'saxes'
import { type BuiltArchive, sdist, wheel } from '../helpers/archives.js'
import { basic, serveIndex, uploadForm } from '../helpers/index-server.js'

/** Puts a file there as if it had come at this second. */
function put(root: string, { filename, bytes }: BuiltArchive, seconds: number): void {
  writeFileSync(join(root, filename), bytes)
  utimesSync(join(root, filename), seconds, seconds)
}

type Element = Readonly<Record<string, string>>

/** The channel and the items of a feed, each by element; throws for what is not well-formed. */
function parseFeed(text: string): { readonly channel: Element; readonly items: readonly Element[] } {
  const parser = new SaxesParser()
  const channel: Record<string, string> = {}
  const items: Record<string, string>[] = []
  let current = channel
  let content = ''
  parser.on('error', (error) => {
    throw error
  })
  parser.on('opentag', ({ name }) => {
    content = ''
    if (name !== 'item') return
    current = {}
    items.push(current)
  })
  parser.on('text', (more) => {
    content += more
  })
  parser.on('closetag', ({ name }) => {
    if (!['item', 'channel', 'rss'].includes(name)) current[name] = content
  })
  parser.write(text).close()
  return { channel, items }
}

const titles = ({ items }: ReturnType<typeof parseFeed>): readonly (string | undefined)[] =>
  items.map(({ title }) => title)

const day = 86_400

test('/rss/updates.xml tells the releases of all projects, the newest first, as their metadata describes them', async (t) => {
  const { root, request, url } = await serveIndex(t)
  const metadata = 'Metadata-Version: 2.1\nName: De.Mo\nVersion: 1.1\nSummary: <b>&\nAuthor-email: Ann <a@x.example>\n'
  put(root, wheel({ name: 'de-mo', version: '1.1', metadata }), 3 * day)
  put(root, sdist({ name: 'de-mo', version: '1.1' }), 4 * day)
  put(root, wheel({ name: 'de-mo', version: '1.2' }), 1 * day)
  put(root, wheel({ name: 'other', version: '1.0' }), 2 * day)
  const response = await request('/rss/updates.xml')
  assert.equal(response.headers.get('content-type'), 'text/xml; charset=UTF-8')
  assert.equal(response.headers.get('cache-control'), 'public, no-cache')
  const feed = parseFeed(await response.text())
  assert.deepEqual(titles(feed), ['De.Mo 1.1', 'other 1.0', 'de-mo 1.2'])
  assert.equal(feed.channel['link'], url)
  assert.deepEqual(feed.items[0], {
    title: 'De.Mo 1.1',
    link: `${url}simple/de-mo/`,
    guid: 'de-mo 1.1',
    description: '<b>&',
    author: 'Ann <a@x.example>',
    pubDate: 'Sun, 04 Jan 1970 00:00:00 GMT',
  })
})

test('/rss/updates.xml ends after 100 releases', async (t) => {
  const { root, request } = await serveIndex(t)
  for (let index = 0; index < 103; index += 1) {
    put(root, wheel({ name: `p${index % 3}`, version: `1.${index}` }), (index + 1) * day)
  }
  const feed = parseFeed(await (await request('/rss/updates.xml')).text())
  assert.equal(feed.items.length, 100)
  assert.deepEqual([titles(feed)[0], titles(feed)[99]], ['p0 1.102', 'p0 1.3'])
})

test('/rss/packages.xml tells the 40 newest projects, by the first of their releases', async (t) => {
  const { root, request } = await serveIndex(t)
  for (let index = 1; index <= 41; index += 1) {
    put(root, wheel({ name: `p${index}`, version: '1.0' }), index * day)
  }
  put(root, wheel({ name: 'p1', version: '2.0' }), 99 * day)
  const feed = parseFeed(await (await request('/rss/packages.xml')).text())
  assert.deepEqual([feed.items.length, titles(feed)[0], titles(feed)[39]], [40, 'p41', 'p2'])
  assert.deepEqual([feed.items[0]?.['guid'], feed.items[0]?.['pubDate']], ['p41', 'Wed, 11 Feb 1970 00:00:00 GMT'])
})

test('/rss/project/<project>/releases.xml tells the 40 newest releases of that project', async (t) => {
  const { root, request, url } = await serveIndex(t)
  for (let index = 1; index <= 41; index += 1) {
    put(root, wheel({ name: 'demo', version: `1.${index}` }), index * day)
  }
  put(root, wheel({ name: 'other', version: '1.0' }), 99 * day)
  const feed = parseFeed(await (await request('/rss/project/demo/releases.xml')).text())
  assert.deepEqual([feed.items.length, titles(feed)[0], titles(feed)[39]], [40, 'demo 1.41', 'demo 1.2'])
  assert.equal(feed.channel['link'], `${url}simple/demo/`)
})

test('the feed of a project is at its normalized name', async (t) => {
  const { request, url } = await serveIndex(t)
  const response = await request('/rss/project/My_Demo/releases.xml')
  const location = new URL(response.headers.get('location') ?? '', `${url}rss/project/My_Demo/releases.xml`)
  assert.deepEqual([response.status, location.href], [301, `${url}rss/project/my-demo/releases.xml`])
})

test('the feed of an unknown project is 404, also with a fallback', async (t) => {
  const { request } = await serveIndex(t, { fallbackUrl: 'https://pypi.org/simple/' })
  assert.equal((await request('/rss/project/nothing/releases.xml')).status, 404)
})

test('an index without projects has empty feeds', async (t) => {
  const { request } = await serveIndex(t)
  for (const path of ['/rss/updates.xml', '/rss/packages.xml']) {
    const response = await request(path)
    assert.deepEqual([response.status, parseFeed(await response.text()).items], [200, []])
  }
})

test('who has a feed gets 304 until something is published', async (t) => {
  const { root, request, post } = await serveIndex(t)
  put(root, wheel({ name: 'demo', version: '1.0' }), day)
  const etag = (await request('/rss/updates.xml')).headers.get('etag') ?? ''
  const headers = { 'if-none-match': etag }
  assert.equal((await request('/rss/updates.xml', { headers })).status, 304)
  assert.equal((await post(uploadForm(wheel({ name: 'demo', version: '1.1' })))).status, 200)
  const response = await request('/rss/updates.xml', { headers })
  assert.deepEqual(titles(parseFeed(await response.text())), ['demo 1.1', 'demo 1.0'])
})

test('feeds need a login where the list does', async (t) => {
  const auther = (username: string, password: string): boolean => username === 'a' && password === 'b'
  const { request } = await serveIndex(t, { auther, authenticate: ['list'] })
  for (const path of ['/rss/updates.xml', '/rss/packages.xml', '/rss/project/demo/releases.xml']) {
    assert.equal((await request(path)).status, 401)
  }
  const response = await request('/rss/updates.xml', { headers: basic('a', 'b') })
  assert.deepEqual([response.status, response.headers.get('cache-control')], [200, 'private, no-cache'])
})
