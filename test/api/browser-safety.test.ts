import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { routeTable } from '#src/routes/table.js'
import { sdist, wheel } from '../helpers/archives.js'
import { basic, isHosted, lackOf, mountPath, serveIndex, uploadForm } from '../helpers/index-server.js'
import { rawClient } from '../helpers/raw-client.js'

const demo = wheel({ name: 'demo', version: '1.0' })

/** An address for every route that reads, with and without the things it names. */
const reads = routeTable('/health')
  .filter(({ method }) => method === 'GET')
  .flatMap(({ path }) => [
    path.replace(':project', 'demo').replace(':version', '1.0').replace('*', demo.filename),
    path.replace(':project', 'missing').replace(':version', '2.0').replace('*', 'missing-1.0.zip'),
  ])

test('every answer tells browsers not to guess its type, and every page not to run or load anything', async (t) => {
  const { root, request } = await serveIndex(t)
  writeFileSync(join(root, demo.filename), demo.bytes)
  let pages = 0
  for (const path of [...reads, ...(isHosted ? [] : ['/nothing/is/here'])]) {
    const { headers } = await request(path, { headers: { accept: 'text/html' } })
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
    assert.equal(headers.get('referrer-policy'), 'no-referrer', path)
    if (!headers.get('content-type')?.includes('html')) continue
    pages += 1
    assert.match(headers.get('content-security-policy') ?? '', /^default-src 'none';.* frame-ancestors 'none'/, path)
  }
  assert.ok(pages > 10)
})

test('what a client asked for is repeated only where it is a name', async (t) => {
  const { request } = await serveIndex(t)
  const words = encodeURIComponent('<b>call 555 now</b>')
  for (const path of reads.map((read) => read.replace(/missing|demo|health|favicon|openapi/, words))) {
    for (const accept of ['text/html', 'text/plain', 'application/json', 'application/problem+json']) {
      assert.doesNotMatch(await (await request(path, { headers: { accept } })).text(), /call 555/, path)
    }
  }
})

test('what needs a login may be kept by nobody else, in every answer', async (t) => {
  const auther = (): boolean => true
  const { root, request } = await serveIndex(t, { auther, authenticate: ['list', 'download', 'update'] })
  writeFileSync(join(root, demo.filename), demo.bytes)
  for (const { method, path, action } of routeTable('/health')) {
    if (method !== 'GET' || action === 'public') continue
    const target = path.replace(':project', 'demo').replace(':version', '1.0').replace('*', demo.filename)
    const response = await request(target, { headers: basic('ann', 'x') })
    const cacheControl = response.headers.get('cache-control')
    // A redirect tells nothing but what was asked for.
    if (response.status !== 301) assert.match(cacheControl ?? '', /private|no-store/, target)
    assert.match((await request(target)).headers.get('cache-control') ?? '', /no-store/, target)
  }
})

test('files are types that a browser saves, and are sandboxed where it does not', async (t) => {
  const { root, request } = await serveIndex(t)
  const files = [demo, sdist({ name: 'demo', version: '1.0' })]
  for (const { filename, bytes } of files) writeFileSync(join(root, filename), bytes)
  for (const { filename } of files) {
    const { headers } = await request(`/packages/${filename}`)
    assert.match(headers.get('content-type') ?? '', /^application\/(?:octet-stream|gzip)$/)
    assert.match(headers.get('content-security-policy') ?? '', /sandbox/)
    assert.equal(headers.get('content-encoding'), null)
  }
})

const host = 'pypi.example'

for (const [from, status] of [
  [{}, 200],
  [{ 'sec-fetch-site': 'same-origin' }, 200],
  [{ 'sec-fetch-site': 'none' }, 200],
  [{ 'sec-fetch-site': 'cross-site' }, 403],
  [{ 'sec-fetch-site': 'same-site' }, 403],
  [{ 'sec-fetch-site': 'cross-site', origin: `http://${host}` }, 403],
  [{ 'sec-fetch-site': 'same-origin', origin: 'http://hidden.example' }, 200],
  [{ origin: `http://${host}` }, 200],
  [{ origin: `https://${host}` }, 200],
  [{ origin: `http://${host}:8080` }, 403],
  [{ origin: 'http://evil.example' }, 403],
  [{ origin: `http://${host}.evil.example` }, 403],
  [{ origin: 'null' }, 403],
  [{ origin: '' }, 403],
] as const) {
  test(`a form that comes ${JSON.stringify(from)} is answered ${status}`, async (t) => {
    const { app } = await serveIndex(t)
    const request = new Request(`http://${host}/`, {
      method: 'POST',
      body: uploadForm(demo),
      headers: { host, ...from },
    })
    assert.equal((await app.fetch(request)).status, status)
  })
}

test('a browser behind a trusted proxy is known by the host that the proxy names, or by baseUrl', async (t) => {
  const send = async (url: string, ...headers: readonly string[]): Promise<string> => {
    const client = await rawClient(t, url)
    const lines = [`POST ${mountPath} HTTP/1.1`, 'Host: inner', 'Origin: https://public.example', ...headers]
    client.send(`${lines.join('\r\n')}\r\nContent-Length: 0\r\n\r\n`)
    return (await client.until(/\r\n/)).slice(9, 12)
  }
  const { url } = await serveIndex(t)
  assert.equal(await send(url), '403')
  assert.equal(await send(url, 'X-Forwarded-Host: public.example'), '415')
  const untrusting = await serveIndex(t, { trustProxy: false })
  assert.equal(await send(untrusting.url, 'X-Forwarded-Host: public.example'), '403')
  const named = await serveIndex(t, { baseUrl: 'https://public.example/pypi/' })
  assert.equal(await send(named.url), '415')
})

test('targets that name another host, in whatever form, lead nowhere else', {
  skip: isHosted && 'the host reads the target',
}, async (t) => {
  const { url } = await serveIndex(t)
  for (const [target, status] of [
    ['http://evil.example/simple/', 200],
    ['http://user:secret@evil.example/simple', 301],
    ['//evil.example/simple/', 404],
    ['/\\evil.example', 400],
    ['/%5cevil.example', 400],
    ['/%2f%2fevil.example', 404],
    ['//evil.example', 404],
    ['/..//evil.example', 404],
    ['/evil.example%0d%0aSet-Cookie:%20a=b', 400],
    ['http://evil.example', 200],
    ['*', 400],
    ['simple/', 400],
  ] as const) {
    const client = await rawClient(t, url)
    client.send(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    const answer = await client.ended()
    assert.equal(answer.slice(9, 12), String(status), target)
    assert.doesNotMatch(answer, /^(?:location|set-cookie):.*(?:evil|a=b)/im, target)
  }
})

for (const host of ['a\r\nHost: b', '"><script>', 'a b', 'user@a', 'a/b', 'a:99999999', '']) {
  test(`a request whose Host is ${JSON.stringify(host)} is refused`, { skip: lackOf('odd Host header') }, async (t) => {
    const { url } = await serveIndex(t)
    const client = await rawClient(t, url)
    client.send(`GET ${mountPath}simple/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    assert.match(await client.ended(), /^HTTP\/1.1 400 /)
  })
}

test('a path above its limit is 414, and a long query is fine', {
  skip: isHosted && 'the host is asked first',
}, async (t) => {
  const { request } = await serveIndex(t)
  assert.equal((await request(`/simple/${'a'.repeat(3000)}/`)).status, 414)
  assert.equal((await request(`/packages/${'a/'.repeat(1500)}`)).status, 414)
  assert.equal((await request(`/simple/?x=${'a'.repeat(5000)}`)).status, 200)
})
