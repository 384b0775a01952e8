import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sdist, wheel } from '../helpers/archives.js'
import { serveIndex } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { ask } from './wire.js'

const demo = sdist({ name: 'demo', version: '1.0' })
const links = (page: string): readonly (readonly (string | undefined)[])[] =>
  [...page.matchAll(/<a href="([^"]*)"[^>]*>([^<]*)<\/a><br>$/gm)].map(([, href, text]) => [href, text])

function put(root: string, filename: string, bytes: Uint8Array = demo.bytes): void {
  writeFileSync(join(root, filename), bytes)
}

test('the query of the welcome page is no part of the address that it shows', async (t) => {
  const { request, url } = await serveIndex(t)
  const page = await (await request('/?x=1')).text()
  assert.ok(page.includes(`--index-url ${url}simple/ PACKAGE`), page)
  assert.ok(!page.includes('x=1'))
})

test('signatures and second copies are not counted on the welcome page', async (t) => {
  const second = temporaryDirectory(t)
  const first = temporaryDirectory(t)
  const { request } = await serveIndex(t, { roots: [first, second] })
  for (const root of [first, second]) put(root, demo.filename)
  put(first, `${demo.filename}.asc`)
  assert.match(await (await request('/')).text(), /serving 1 packages/)
})

test('an empty store has lists without rows', async (t) => {
  const { request } = await serveIndex(t)
  for (const [path, title] of [
    ['/simple/', 'Simple Index'],
    ['/packages/', 'Index of packages'],
  ] as const) {
    const response = await request(path)
    const page = await response.text()
    assert.deepEqual([response.status, links(page)], [200, []])
    assert.ok(page.includes(`<title>${title}</title>`) && page.includes(`<h1>${title}</h1>`), page)
  }
})

test('every page begins with its doctype and names language, character set and viewport', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, demo.filename)
  for (const path of ['/', '/simple/', '/simple/demo/', '/packages/']) {
    const page = await (await request(path)).text()
    assert.ok(page.startsWith('<!DOCTYPE html>\n<html lang="en">\n'), page)
    assert.match(page, /<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">/)
  }
})

test('a project page has a link a line, with the base name as text and the title of pypiserver', async (t) => {
  const { root, request } = await serveIndex(t)
  mkdirSync(join(root, 'sub', 'dir'), { recursive: true })
  put(join(root, 'sub', 'dir'), demo.filename)
  const page = await (await request('/simple/demo/')).text()
  const digest = createHash('sha256').update(demo.bytes).digest('hex')
  assert.deepEqual(links(page), [[`../../packages/sub/dir/${demo.filename}#sha256=${digest}`, demo.filename]])
  assert.ok(page.includes('<title>Links for demo</title>') && page.includes('<h1>Links for demo</h1>'), page)
})

for (const [hashAlgo, fragment] of [
  ['md5', `#md5=${createHash('md5').update(demo.bytes).digest('hex')}`],
  [false, ''],
] as const) {
  test(`with the hash algorithm ${hashAlgo} links have ${fragment === '' ? 'no fragment' : 'its digest'}`, async (t) => {
    const { root, request } = await serveIndex(t, { hashAlgo })
    put(root, demo.filename)
    assert.deepEqual(links(await (await request('/simple/demo/')).text()), [
      [`../../packages/${demo.filename}${fragment}`, demo.filename],
    ])
    assert.deepEqual(links(await (await request('/packages/')).text()), [
      [`../packages/${demo.filename}${fragment}`, demo.filename],
    ])
  })
}

test('a signature is no file of its own on any page', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, demo.filename)
  put(root, `${demo.filename}.asc`)
  put(root, 'lonely-1.0.tar.gz.asc')
  for (const path of ['/simple/demo/', '/packages/', '/demo/json']) {
    assert.doesNotMatch(await (await request(path)).text(), /\.asc/, path)
  }
  assert.equal((await request('/packages/lonely-1.0.tar.gz.asc')).status, 404)
})

test('of one path in two directories there is one link, with the digest of what is served', async (t) => {
  const [first, second] = [temporaryDirectory(t), temporaryDirectory(t)]
  const { request } = await serveIndex(t, { roots: [first, second] })
  const other = wheel({ name: 'demo', version: '1.0', files: { 'demo/other.py': '' } })
  const one = wheel({ name: 'demo', version: '1.0' })
  put(first, one.filename, one.bytes)
  put(second, one.filename, other.bytes)
  const found = links(await (await request('/simple/demo/')).text())
  const digest = createHash('sha256').update(one.bytes).digest('hex')
  assert.deepEqual(found, [[`../../packages/${one.filename}#sha256=${digest}`, one.filename]])
  const served = await (await request(`/packages/${one.filename}`)).arrayBuffer()
  assert.deepEqual(Buffer.from(served), one.bytes)
})

test('the project list is in code-point order, each project once under its normalized name', async (t) => {
  const { root, request } = await serveIndex(t)
  for (const name of ['b.x', 'B_x', 'a', 'Z', 'b-a', 'éa']) put(root, `${name}-1.0.zip`)
  const names = links(await (await request('/simple/')).text()).map(([, text]) => text)
  assert.deepEqual(names, ['a', 'b-a', 'b-x', 'z', 'éa'])
})

test('names with markup are escaped in the lists', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, 'a&b<c>-1.0.zip')
  for (const path of ['/simple/', '/packages/', '/simple/a%26b%3Cc%3E/']) {
    const page = await (await request(path)).text()
    assert.match(page, /a&#38;b&#60;c&#62;/, path)
    assert.doesNotMatch(page, /<c>/, path)
  }
})

test('a file whose name has no project is not listed', async (t) => {
  const { root, request } = await serveIndex(t)
  put(root, '-1.0.zip')
  for (const path of ['/simple/', '/packages/']) assert.deepEqual(links(await (await request(path)).text()), [])
})

test('files of equal versions are ordered by their names', async (t) => {
  const { root, request } = await serveIndex(t)
  for (const name of ['demo-1.0.zip', 'demo-1.0.0.tar.gz', 'demo-1.zip']) put(root, name)
  const names = links(await (await request('/simple/demo/')).text()).map(([, text]) => text)
  assert.deepEqual(names, ['demo-1.0.0.tar.gz', 'demo-1.0.zip', 'demo-1.zip'])
})

test('the MicroPython page has the keys of pypiserver and no others', async (t) => {
  const { root, request, url } = await serveIndex(t)
  mkdirSync(join(root, 'sub dir'))
  put(join(root, 'sub dir'), 'demo-1.0.zip')
  put(root, demo.filename)
  const page = (await (await request('/demo/json')).json()) as Record<string, Record<string, unknown>>
  assert.deepEqual(Object.keys(page), ['info', 'releases'])
  assert.deepEqual(page['info'], { version: '1.0' })
  const files = page['releases']?.['1.0'] as Record<string, string>[]
  assert.deepEqual(
    files.flatMap((file) => Object.keys(file)),
    ['url', 'url'],
  )
  assert.deepEqual(
    new Set(files.map((file) => file['url'])),
    new Set([`${url}packages/${demo.filename}`, `${url}packages/sub%20dir/demo-1.0.zip`]),
  )
})

test('without a Host header absolute addresses have the address that was asked', async (t) => {
  const { root, url } = await serveIndex(t)
  put(root, demo.filename)
  const { body } = await ask(url, '/demo/json', { version: '1.0', headers: ['User-Agent: old'] })
  assert.ok(body.toString().includes(`"${url}packages/${demo.filename}"`), body.toString())
})
