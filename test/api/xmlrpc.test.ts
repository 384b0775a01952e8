import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { basic, type IndexServer, lackOf, serveIndex } from '../helpers/index-server.js'

function put(root: string, ...filenames: readonly string[]): void {
  for (const filename of filenames) writeFileSync(join(root, filename), filename)
}

function post({ request }: IndexServer, body: string | Uint8Array, path = '/RPC2'): Promise<Response> {
  return request(path, { method: 'POST', body: Buffer.from(body) })
}

async function answer(server: IndexServer, body: string): Promise<string> {
  const response = await post(server, body)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'text/xml; charset=utf-8')
  return await response.text()
}

const call = (method: string, ...values: readonly string[]): string => {
  const params = values.map((value) => `<param><value>${value}</value></param>`).join('')
  return `<methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`
}
const named = (...names: readonly string[]): string => {
  const list = names.map((name) => `<value>${name}</value>`).join('')
  return `<struct><member><name>name</name><value><array><data>${list}</data></array></value></member></struct>`
}
const namesIn = (xml: string): readonly (string | undefined)[] =>
  [...xml.matchAll(/<name>name<\/name><value><string>([^<]*)/g)].map(([, name]) => name)

test('search answers with one struct for each project', async (t) => {
  const server = await serveIndex(t)
  put(server.root, 'Foo_Bar-1.10.tar.gz', 'foo_bar-1.9.tar.gz', 'foo-1.0.tar.gz', 'other-1.0.tar.gz')
  const member = (name: string, value: string): string => `<member><name>${name}</name><value>${value}</value></member>`
  const hit = (name: string, version: string, rank: number): string => {
    const texts = member('version', `<string>${version}</string>`) + member('summary', `<string>${version}</string>`)
    const order = member('_pypi_ordering', `<int>${rank}</int>`)
    return `<value><struct>${member('name', `<string>${name}</string>`)}${texts}${order}</struct></value>`
  }
  const hits = `<value><array><data>${hit('foo', '1.0', 0)}${hit('Foo_Bar', '1.10', 1)}</data></array></value>`
  const params = `<params><param>${hits}</param></params>`
  assert.equal(
    await answer(server, call('search', named('FOO'))),
    `<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse>${params}</methodResponse>\n`,
  )
})

test('every address of the interface answers', async (t) => {
  const server = await serveIndex(t)
  put(server.root, 'demo-1.0.tar.gz')
  for (const path of ['/RPC2', '/RPC2/', '/pypi', '/pypi/']) {
    const response = await post(server, call('search', named('demo')), path)
    assert.deepEqual(namesIn(await response.text()), ['demo'], path)
  }
})

test('a search without a hit answers with an empty array', async (t) => {
  const xml = await answer(await serveIndex(t), call('search', named('demo')))
  assert.match(xml, /<param><value><array><data><\/data><\/array><\/value><\/param>/)
})

test('a search that is no method call works as with pypiserver', async (t) => {
  const server = await serveIndex(t)
  put(server.root, 'a-test-1.0.tar.gz', 'demo-1.0.tar.gz')
  const xml = await answer(server, '<xml><methodName>search</methodName><string>test</string></xml>')
  assert.deepEqual(namesIn(xml), ['a-test'])
})

test('the methods are listed', async (t) => {
  const xml = await answer(await serveIndex(t), call('system.listMethods'))
  const names = [...xml.matchAll(/<value><string>([^<]*)/g)].map(([, name]) => name)
  assert.deepEqual(names, [
    ...['changelog_last_serial', 'changelog_since_serial', 'list_packages', 'list_packages_with_serial'],
    ...['package_releases', 'package_roles', 'release_data', 'release_urls'],
    ...['search', 'system.listMethods', 'user_packages'],
  ])
})

test('an unknown method is a fault', async (t) => {
  const server = await serveIndex(t)
  for (const method of ['top_packages', 'constructor', '__proto__']) {
    const xml = await answer(server, call(method))
    assert.match(xml, /<fault>.*<name>faultCode<\/name><value><int>1<\/int>/)
    assert.match(xml, new RegExp(`method &#39;${method}&#39; is not supported`))
  }
})

for (const [what, body] of Object.entries({
  'a call without a method': '<methodCall/>',
  'a search without parameters': call('search'),
  'a search for nothing': call('search', named('', ' ')),
  'a search in unknown fields': call('search', '<struct><member><name>author</name><value>a</value></member></struct>'),
  'a search for a number': call('search', '<int>1</int>'),
  'a search with an unknown operator': call('search', named('a'), 'xor'),
  'a search for 33 terms': call('search', named(...Array.from({ length: 33 }, (_, number) => `a${number}`))),
})) {
  test(`${what} is a fault`, async (t) => {
    assert.match(await answer(await serveIndex(t), body), /<methodResponse><fault>.*<name>faultString<\/name>/)
  })
}

test('32 terms are searched, however often they are repeated', async (t) => {
  const server = await serveIndex(t)
  put(server.root, 'a31-1.0.tar.gz')
  const terms = Array.from({ length: 64 }, (_, number) => `a${number % 32}`)
  assert.deepEqual(namesIn(await answer(server, call('search', named(...terms)))), ['a31'])
})

test('unsafe or malformed XML is refused', async (t) => {
  const server = await serveIndex(t)
  const entity = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><methodName>&x;</methodName></a>'
  for (const body of ['', 'search', '<a>', entity, Buffer.from('\ufeff<a/>', 'utf16le')]) {
    const response = await post(server, body)
    assert.equal(response.status, 400)
    if (lackOf('reason phrase') === false) assert.equal(response.statusText, 'Invalid or unsafe XML payload')
  }
})

test('a request of 64 KiB is read, one byte more is refused', async (t) => {
  const server = await serveIndex(t)
  const padded = (size: number): string => call('system.listMethods').padEnd(size)
  assert.equal((await post(server, padded(65_536))).status, 200)
  assert.equal((await post(server, padded(65_537))).status, 413)
})

test('an index whose list needs a login is searched only with one', async (t) => {
  const auther = (username: string, password: string): boolean => username === 'ann' && password === 'secret'
  const server = await serveIndex(t, { auther, authenticate: ['list'] })
  const body = call('system.listMethods')
  assert.equal((await post(server, body)).status, 401)
  const headers = basic('ann', 'secret')
  assert.equal((await server.request('/RPC2', { method: 'POST', body, headers })).status, 200)
})

test('reading the address leads to a project of its name', async (t) => {
  const { request } = await serveIndex(t)
  const response = await request('/RPC2')
  assert.equal(response.status, 303)
  assert.equal(response.headers.get('location'), './simple/rpc2/')
})
