import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { type App, createApp } from 'pypi-server'
import { fastifyPlugin } from 'pypi-server/fastify'
import { honoHandler } from 'pypi-server/hono'
import { koaMiddleware } from 'pypi-server/koa'
import { wheel } from '../helpers/archives.js'
import { http2Client } from '../helpers/http2-client.js'
import { listen, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { hosts } from './hosts.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const fresh = wheel({ name: 'fresh', version: '2.0' })

function demoApp(t: TestContext): App {
  const root = temporaryDirectory(t)
  writeFileSync(join(root, demo.filename), demo.bytes)
  const app = createApp({ roots: root, authenticate: [] })
  t.after(() => app.close())
  return app
}

type Send = (url: URL, init: RequestInit) => Promise<Response>

/** Goes the way of a client: list, page, file, upload, and the page again, each by the link that it was given. */
async function assertWorksAt(mount: string, send: Send): Promise<void> {
  const page = new URL('simple/demo/', mount)
  const html = await (await send(page, {})).text()
  const link = new URL(/href="([^"#]+)/.exec(html)?.[1] ?? '', page)
  assert.equal(link.href, `${mount}packages/${demo.filename}`)
  assert.deepEqual(Buffer.from(await (await send(link, {})).arrayBuffer()), Buffer.from(demo.bytes))
  const uploaded = await send(new URL(mount), { method: 'POST', body: uploadForm(fresh) })
  assert.equal(uploaded.status, 200, await uploaded.text())
  assert.match(await (await send(new URL('simple/', mount), {})).text(), /href="fresh\/"/)
}

for (const [name, start] of Object.entries(hosts)) {
  for (const path of ['/', '/pypi/', '/deep/down/pypi/']) {
    test(`${name} serves an index at ${path}`, async (t) => {
      const origin = await start(t, [{ app: demoApp(t), path }])
      await assertWorksAt(`${origin}${path}`, await sender(t, name, origin))
    })
  }

  test(`${name} serves two indexes at two paths, each its own`, async (t) => {
    const paths = ['/one/', '/two/deep/']
    const origin = await start(
      t,
      paths.map((path) => ({ app: demoApp(t), path })),
    )
    const send = await sender(t, name, origin)
    for (const path of paths) {
      assert.doesNotMatch(await (await send(new URL(`${path}simple/`, origin), {})).text(), /fresh/)
      await assertWorksAt(`${origin}${path}`, send)
    }
  })

  test(`${name}, reading bodies before the index can, gets the way out with the answer`, async (t) => {
    const origin = await start(t, [{ app: demoApp(t), path: '/pypi/' }], { readsBodies: true })
    const send = await sender(t, name, origin)
    const headers = { accept: 'application/problem+json' }
    const answer = await send(new URL('/pypi/', origin), { method: 'POST', body: uploadForm(fresh), headers })
    const { code, detail } = (await answer.json()) as { readonly code: string; readonly detail: string }
    assert.deepEqual([answer.status, code], [500, 'ERR_PYPI_BODY_ALREADY_READ'])
    assert.match(detail, /mount the index before body parsers/)
    assert.equal((await send(new URL('/pypi/simple/demo/', origin), {})).status, 200)
  })
}

async function sender(t: TestContext, host: string, origin: string): Promise<Send> {
  return host === 'node:http2' ? await http2Client(t, origin) : fetch
}

test('Koa hears of paths that have no route in the index, as the client sent them', async (t) => {
  const host = new Koa().use(koaMiddleware(demoApp(t), { mountPath: '/pypi' }))
  host.use((ctx) => {
    ctx.body = `host: ${ctx.url}`
  })
  const callback = host.callback()
  const origin = await listen(t, (req, res) => void callback(req, res))
  for (const path of ['/elsewhere', '/pypi/a/b/c', '/pypical/simple/']) {
    assert.equal(await (await fetch(`${origin}${path}`)).text(), `host: ${path}`)
  }
})

test('Fastify answers paths that have no route in the index by its own not-found handler', async (t) => {
  const host = fastify()
  t.after(() => host.close())
  host.setNotFoundHandler(async (request) => `host: ${request.url}`)
  await host.register(fastifyPlugin, { prefix: '/pypi', app: demoApp(t) })
  const origin = await host.listen({ port: 0, host: '127.0.0.1' })
  assert.equal(await (await fetch(`${origin}/pypi/a/b/c`)).text(), 'host: /pypi/a/b/c')
})

test('Hono hears of paths that have no route in the index', async (t) => {
  const host = new Hono().all('/pypi/*', honoHandler(demoApp(t), { mountPath: '/pypi' }))
  host.all('*', (context) => context.text(`host: ${context.req.path}`))
  assert.equal(await (await host.request('/pypi/a/b/c')).text(), 'host: /pypi/a/b/c')
  assert.equal((await host.request('/pypi/simple/demo/')).status, 200)
})

test('an upload that a host has no turn for still reaches it, when a fetch host hands it on', async (t) => {
  const request = new Request('http://x/elsewhere/a/b', { method: 'POST', body: 'text' })
  const response = await demoApp(t).fetch(request, { next: async () => new Response(await request.text()) })
  assert.equal(await response.text(), 'text')
})

test('uploaders that look for trusted publishing on the root of the host are told in JSON that there is none', async (t) => {
  const app = demoApp(t)
  const origin = await listen(t, (req, res) => void app.wellKnown(req, res, () => res.end('host')))
  for (const path of ['/_/oidc/audience', '/.well-known/pytp?discover=x']) {
    const response = await fetch(`${origin}${path}`)
    const { errors } = (await response.json()) as { readonly errors: readonly { readonly code: string }[] }
    assert.deepEqual([response.status, errors[0]?.code], [404, 'not-enabled'])
  }
  assert.equal(await (await fetch(`${origin}/.well-known/other`)).text(), 'host')
})
