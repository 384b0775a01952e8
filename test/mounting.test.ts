import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type ClientHttp2Session, connect, createServer } from 'node:http2'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import express, { type Express } from 'express'
import fastify, { type FastifyInstance } from 'fastify'
import Koa from 'koa'
import { type App, createApp } from 'pypi-server'
import { wheel } from './helpers/archives.js'
import { listen, uploadForm } from './helpers/index-server.js'
import { temporaryDirectory } from './helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
// Larger than what is read in one piece.
const large = wheel({ name: 'large', version: '1.0', files: { 'large/noise.bin': noise(300_000) } })
const fresh = wheel({ name: 'fresh', version: '2.0' })

function noise(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => (index * index * 31 + (index >> 5)) & 255))
}

/** An open index over a directory that holds `demo` and `large`. */
function demoApp(t: TestContext): App {
  const root = temporaryDirectory(t)
  for (const { filename, bytes } of [demo, large]) writeFileSync(join(root, filename), bytes)
  const app = createApp({ roots: root, authenticate: [] })
  t.after(() => app.close())
  return app
}

/** Goes the way of a client: page, link, file; then an upload, and the page again. */
async function assertWorksAt(mount: string): Promise<void> {
  const list = await fetch(`${mount}simple/`)
  assert.deepEqual([list.status, linksOf(list.url, await list.text())[0]], [200, `${mount}simple/demo/`])
  for (const file of [demo, large]) {
    const [link = ''] = await projectLinks(mount, file.filename.split('-')[0] ?? '')
    assert.equal(link.split('#')[0], `${mount}packages/${file.filename}`)
    const download = await fetch(link)
    assert.deepEqual(Buffer.from(await download.arrayBuffer()), Buffer.from(file.bytes))
  }
  assert.equal((await fetch(mount, { method: 'POST', body: uploadForm(fresh) })).status, 200)
  assert.equal((await projectLinks(mount, 'fresh')).length, 1)
}

async function projectLinks(mount: string, project: string): Promise<readonly string[]> {
  const page = await fetch(`${mount}simple/${project}/`)
  assert.equal(page.status, 200)
  return linksOf(page.url, await page.text())
}

/** Links as a client resolves them, against the address that it was led to. */
function linksOf(base: string, html: string): readonly string[] {
  return [...html.matchAll(/href="([^"]+)"/g)].map(([, href = '']) => new URL(href, base).href)
}

async function statusAndText(response: Response): Promise<readonly [number, string]> {
  return [response.status, await response.text()]
}

test('node:http serves an index at the root of a host', async (t) => {
  await assertWorksAt(`${await listen(t, demoApp(t))}/`)
})

test('node:http serves an index below a path when the host says what it took off', async (t) => {
  const app = demoApp(t)
  const origin = await listen(t, (req, res) => {
    const { url: originalUrl = '/' } = req
    void app(Object.assign(req, { originalUrl, url: originalUrl.slice('/pypi'.length) }), res)
  })
  await assertWorksAt(`${origin}/pypi/`)
})

for (const query of ['', '?x=1']) {
  test(`a mount point asked for without its slash is redirected to it, as /pypi${query} is`, async (t) => {
    const app = demoApp(t)
    const origin = await listen(t, (req, res) => {
      const { url: originalUrl = '/' } = req
      void app(Object.assign(req, { originalUrl, url: originalUrl.slice('/pypi'.length) }), res)
    })
    const response = await fetch(`${origin}/pypi${query}`, { redirect: 'manual' })
    assert.deepEqual([response.status, response.headers.get('location')], [301, 'pypi/'])
  })
}

for (const mount of ['/', '/pypi/', '/deep/down/pypi/']) {
  test(`Express serves an index at ${mount}`, async (t) => {
    const host = express().use(mount, demoApp(t))
    await assertWorksAt(`${await listen(t, host)}${mount}`)
  })
}

test('Express redirects the mount point without a slash to the one with it', async (t) => {
  const origin = await listen(t, express().use('/pypi', demoApp(t)))
  const response = await fetch(`${origin}/pypi`)
  assert.deepEqual([response.status, response.url], [200, `${origin}/pypi/`])
})

test('paths without a route reach the next handler of the host, inside the mount point and out of it', async (t) => {
  const host = express().use('/pypi', demoApp(t))
  host.use((req, res) => void res.status(418).send(`host: ${req.originalUrl}`))
  const origin = await listen(t, host)
  for (const path of ['/elsewhere', '/pypi/a/b/c']) {
    assert.deepEqual(await statusAndText(await fetch(`${origin}${path}`)), [418, `host: ${path}`])
  }
})

test('a project that does not exist is answered by the index and not by the host', async (t) => {
  const host = express().use('/pypi', demoApp(t))
  host.use((_req, res) => void res.status(418).end())
  assert.equal((await fetch(`${await listen(t, host)}/pypi/simple/missing/`)).status, 404)
})

test('body parsers for JSON and forms in front leave uploads alone', async (t) => {
  const host = express().use(express.json(), express.urlencoded())
  await assertWorksAt(`${await listen(t, host.use('/pypi', demoApp(t)))}/pypi/`)
})

test('a parser that sets a body without reading one, as those of Express 4 do, leaves uploads alone', async (t) => {
  const host = express().use((req, _res, next) => {
    req.body = {}
    next()
  })
  await assertWorksAt(`${await listen(t, host.use('/pypi', demoApp(t)))}/pypi/`)
})

test('an upload whose body the host has read is answered 500 at once, with the way out', async (t) => {
  const host = express().use(express.raw({ type: () => true, limit: '10mb' }))
  await assertBodyAlreadyRead(await listen(t, host.use('/pypi', demoApp(t))), '/pypi/')
})

test('an upload whose body the host has begun to read is answered 500 at once, with the way out', async (t) => {
  const host: Express = express().use((req, _res, next) => {
    req.once('data', () => next())
  })
  await assertBodyAlreadyRead(await listen(t, host.use(demoApp(t))), '/')
})

async function assertBodyAlreadyRead(origin: string, mount: string): Promise<void> {
  const accept = 'application/problem+json'
  const init = { method: 'POST', body: uploadForm(large), headers: { accept } }
  const response = await fetch(`${origin}${mount}`, init)
  const { code, detail } = (await response.json()) as { readonly code: string; readonly detail: string }
  assert.deepEqual([response.status, code], [500, 'ERR_PYPI_BODY_ALREADY_READ'])
  assert.match(detail, /mount the index before body parsers/)
}

test('Koa serves an index as its last middleware', async (t) => {
  const app = demoApp(t)
  const host = new Koa().use(async (ctx) => {
    ctx.respond = false
    await app(ctx.req, ctx.res)
  })
  const callback = host.callback()
  await assertWorksAt(`${await listen(t, (req, res) => void callback(req, res))}/`)
})

async function serveFastify(t: TestContext, app: App): Promise<string> {
  const host = fastify()
  t.after(() => host.close())
  host.register(
    async (scope: FastifyInstance) => {
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
      for (const path of ['/', '/*']) {
        scope.all(path, async (request, reply) => {
          reply.hijack()
          const { url: originalUrl = '/' } = request.raw
          const url = originalUrl.slice(scope.prefix.length)
          await app(Object.assign(request.raw, { url, originalUrl }), reply.raw)
        })
      }
    },
    { prefix: '/pypi' },
  )
  host.post('/echo', async (request) => ({ got: request.body }))
  return await host.listen({ port: 0, host: '127.0.0.1' })
}

test('Fastify serves an index below a prefix', async (t) => {
  const origin = await serveFastify(t, demoApp(t))
  await assertWorksAt(`${origin}/pypi/`)
  assert.equal((await fetch(`${origin}/pypi`)).url, `${origin}/pypi/`)
})

test('Fastify goes on reading bodies outside of the prefix', async (t) => {
  const origin = await serveFastify(t, demoApp(t))
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${origin}/echo`, { method: 'POST', headers, body: '{"a":1}' })
  assert.deepEqual(await response.json(), { got: { a: 1 } })
})

async function serveHttp2(t: TestContext, app: App): Promise<ClientHttp2Session> {
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.after(() => {
    session.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return session
}

interface Http2Answer {
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Buffer
}

async function ask(session: ClientHttp2Session, path: string, form?: FormData): Promise<Http2Answer> {
  const encoded = new Response(form ?? null)
  const contentType = encoded.headers.get('content-type')
  const method = form === undefined ? 'GET' : 'POST'
  const stream = session.request({
    ':path': path,
    ':method': method,
    ...(contentType && { 'content-type': contentType }),
  })
  if (form !== undefined) stream.end(Buffer.from(await encoded.arrayBuffer()))
  const headers = await new Promise<Http2Answer['headers']>((resolve, reject) => {
    stream.once('response', resolve).once('error', reject)
  })
  return { headers, body: await buffer(stream) }
}

test('HTTP/2 requests are served: pages, files and uploads', async (t) => {
  const session = await serveHttp2(t, demoApp(t))
  assert.match(String((await ask(session, '/simple/')).body), /demo/)
  for (const file of [demo, large]) {
    const { headers, body } = await ask(session, `/packages/${file.filename}`)
    assert.deepEqual([headers[':status'], body], [200, Buffer.from(file.bytes)])
  }
  assert.equal((await ask(session, '/', uploadForm(fresh))).headers[':status'], 200)
  assert.equal((await ask(session, `/packages/${fresh.filename}`)).headers[':status'], 200)
})

test('an HTTP/2 upload that is refused gets its answer', async (t) => {
  const session = await serveHttp2(t, demoApp(t))
  const { headers, body } = await ask(session, '/', uploadForm({ filename: 'nothing.txt', bytes: large.bytes }))
  assert.equal(headers[':status'], 400)
  assert.match(String(body), /^Bad filename/)
})

test('fetch hosts are served: pages, files and uploads', async (t) => {
  const app = demoApp(t)
  const get = (path: string, init?: RequestInit) => app.fetch(new Request(`http://index.test${path}`, init))
  assert.match(await (await get('/simple/')).text(), /demo/)
  for (const file of [demo, large]) {
    const response = await get(`/packages/${file.filename}`)
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(file.bytes))
  }
  assert.equal((await get('/', { method: 'POST', body: uploadForm(fresh) })).status, 200)
  assert.equal((await get(`/packages/${fresh.filename}`)).status, 200)
})

test('fetch hosts get the headers of a HEAD request without a body', async (t) => {
  const response = await demoApp(t).fetch(new Request(`http://x/packages/${large.filename}`, { method: 'HEAD' }))
  assert.equal(response.headers.get('content-length'), String(large.bytes.length))
  assert.deepEqual([response.status, response.body], [200, null])
})

test('fetch hosts name the path in front of the mount point', async (t) => {
  const request = new Request('http://x/pypi/simple/demo/')
  assert.equal((await demoApp(t).fetch(request, { mountPath: '/pypi' })).status, 200)
})

for (const [what, take] of [
  ['read', (request: Request) => request.arrayBuffer()],
  ['taken by a reader', (request: Request) => request.body?.getReader()],
] as const) {
  test(`a fetch request whose body was ${what} is answered 500, not rejected`, async (t) => {
    const request = new Request('http://x/', { method: 'POST', body: uploadForm(fresh) })
    await take(request)
    const [status, text] = await statusAndText(await demoApp(t).fetch(request))
    assert.equal(status, 500)
    assert.match(text, /mount the index before body parsers/)
  })
}

test('two indexes with different directories live in one process', async (t) => {
  const [one, other] = [demoApp(t), createApp({ roots: temporaryDirectory(t), authenticate: [] })]
  t.after(() => other.close())
  const origin = await listen(t, express().use('/one', one).use('/other', other))
  await fetch(`${origin}/other/`, { method: 'POST', body: uploadForm(fresh) })
  assert.deepEqual(await statusOf(origin, '/one/simple/demo/', '/other/simple/demo/'), [200, 404])
  assert.deepEqual(await statusOf(origin, '/one/simple/fresh/', '/other/simple/fresh/'), [404, 200])
})

async function statusOf(origin: string, ...paths: readonly string[]): Promise<readonly number[]> {
  return await Promise.all(paths.map(async (path) => (await fetch(`${origin}${path}`)).status))
}

test('one index is mounted at two places at once', async (t) => {
  const app = demoApp(t)
  const origin = await listen(t, express().use('/a', app).use('/b/c', app))
  const pages = await Promise.all(['/a/', '/b/c/'].map((mount) => projectLinks(`${origin}${mount}`, 'demo')))
  assert.deepEqual(
    pages.map(([link]) => link?.split('#')[0]),
    [`${origin}/a/packages/${demo.filename}`, `${origin}/b/c/packages/${demo.filename}`],
  )
})

test('a handler that has nobody to hand on to answers 404 itself', async (t) => {
  assert.equal((await fetch(`${await listen(t, demoApp(t))}/a/b/c`)).status, 404)
})

test('the promise of a handler fulfils once the answer is written', async (t) => {
  const app = demoApp(t)
  const ended: Promise<boolean>[] = []
  const origin = await listen(t, (req, res) => {
    ended.push(app(req, res).then(() => res.writableEnded))
  })
  for (const path of [`/packages/${large.filename}`, '/simple/', '/simple/missing/']) {
    await (await fetch(`${origin}${path}`)).arrayBuffer()
  }
  assert.deepEqual(await Promise.all(ended), [true, true, true])
})

test('closing twice is closing once, and a closed index answers 503', async (t) => {
  const app = demoApp(t)
  await app.ready()
  await Promise.all([app.close(), app.close()])
  await app.close()
  assert.equal((await app.fetch(new Request('http://x/simple/'))).status, 503)
})

test('closing is seen through to its end when nothing else keeps the process alive', async (t) => {
  const root = temporaryDirectory(t)
  writeFileSync(join(root, demo.filename), demo.bytes)
  const script = `import { createApp } from 'pypi-server'
    const app = createApp({ roots: ${JSON.stringify(root)} })
    await app.ready()
    await app.close()`
  const cwd = fileURLToPath(new URL('../../', import.meta.url))
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { cwd, stdio: 'inherit' })
  // 13 would be: still waiting, with nothing left that could happen.
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('an index is closed at the end of its block by `await using`', async (t) => {
  let used: App
  {
    await using app = demoApp(t)
    await app.ready()
    used = app
  }
  await assert.rejects(used.ready(), { code: 'ERR_PYPI_CLOSED' })
})

test('CommonJS hosts require the package', () => {
  const required = createRequire(import.meta.url)('pypi-server') as { readonly createApp: unknown }
  assert.equal(required.createApp, createApp)
})
