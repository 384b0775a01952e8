import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { sdist, wheel } from '../helpers/archives.js'
import { serveIndex } from '../helpers/index-server.js'
import { putFiles } from './pages.js'
import { rule } from './transports.js'

// MicroPython's upip, which speaks HTTP/1.0 and reads little of it.

const source = sdist({ name: 'my-demo', version: '1.0' })
const newer = sdist({ name: 'my-demo', version: '1.1' })
const built = wheel({ name: 'my-demo', version: '1.1' })

interface Page {
  readonly info: { readonly version: string }
  readonly releases: Readonly<Record<string, readonly { readonly url: string }[]>>
}

/** What upip sends, byte for byte, and what came until the connection ended. */
async function upip(url: string, path: string): Promise<{ readonly head: string; readonly body: string }> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(`GET ${path} HTTP/1.0\r\nHost: ${hostname}:${port}\r\n\r\n`)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  return { head: text.slice(0, end), body: text.slice(end + 4) }
}

for (const spelling of ['my-demo', 'my_demo', 'My.Demo']) {
  test(`upip is answered about ${spelling} at once: 200, neither chunked nor compressed, then the end`, async (t) => {
    const server = await serveIndex(t)
    putFiles(server, source, newer, built)
    const { head, body } = await upip(server.url, `/${spelling}/json`)
    assert.match(head, /^HTTP\/1\.[01] 200 /)
    assert.doesNotMatch(head, /transfer-encoding|content-encoding|location/i)
    const { info, releases } = JSON.parse(body) as Page
    assert.equal(info.version, '1.1')
    assert.deepEqual(releases, {
      '1.0': [{ url: `${server.url}packages/${source.filename}` }],
      '1.1': [{ url: `${server.url}packages/${newer.filename}` }],
    })
  })
}

test('upip gets a file whole over HTTP/1.0, neither chunked nor compressed', async (t) => {
  const server = await serveIndex(t)
  putFiles(server, source)
  const { head, body } = await upip(server.url, `/packages/${source.filename}`)
  assert.match(head, /^HTTP\/1\.[01] 200 /)
  assert.doesNotMatch(head, /transfer-encoding|content-encoding/i)
  assert.deepEqual(Buffer.from(body, 'latin1'), source.bytes)
})

test('upip hears 404 of a project that is not here, also where there is a fallback', async (t) => {
  const server = await serveIndex(t, { fallbackUrl: 'https://elsewhere.example/simple/' })
  const { head } = await upip(server.url, '/missing/json')
  assert.match(head, /^HTTP\/1\.[01] 404 /)
})

test('a client of HTTP/1.0 is redirected with 302, which it knows', async (t) => {
  const server = await serveIndex(t)
  putFiles(server, source)
  assert.match((await upip(server.url, '/my-demo/')).head, /^HTTP\/1\.[01] 302 /)
})

rule('the page for upip names the newest version and absolute addresses', async (serve) => {
  const server = await serve()
  putFiles(server, source, newer)
  const page = (await (await server.request('/my-demo/json')).json()) as Page
  assert.equal(page.info.version, '1.1')
  assert.deepEqual(page.releases['1.1'], [{ url: `${server.url}packages/${newer.filename}` }])
})
