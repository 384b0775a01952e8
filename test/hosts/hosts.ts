import { readFileSync } from 'node:fs'
import {
  Agent,
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  request as sendOn,
} from 'node:http'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { createServer as createHttpsServer, type Server as SecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { getRequestListener } from '@hono/node-server'
import compression from 'compression'
import cors from 'cors'
import express from 'express'
import session from 'express-session'
import express4 from 'express4'
import fastify from 'fastify'
import fastify4 from 'fastify4'
import helmet from 'helmet'
import { Hono } from 'hono'
import Koa from 'koa'
import mount from 'koa-mount'
import Koa2 from 'koa2'
import type { App } from 'pypi-server'
import { fastifyPlugin } from 'pypi-server/fastify'
import { honoHandler } from 'pypi-server/hono'
import { koaMiddleware } from 'pypi-server/koa'
import { nestListener } from './nest.js'

/** An index and the path below which it is mounted, which begins and ends with a slash. */
export interface Mount {
  readonly app: App
  readonly path: string
}

/** How a host treats requests before the index gets them. */
export interface HostOptions {
  /** Reads every body to its end. @default false */
  readonly readsBodies?: boolean
}

/** Mounts each index below its path; tells the origin, without a slash. */
export type Host = (t: TestContext, mounts: readonly Mount[], options?: HostOptions) => Promise<string>

/** Every host that `docs/mounting.md` lists, under the name that it has there. */
export const hosts: Readonly<Record<string, Host>> = {
  'node:http': (t, mounts, options) => listen(t, createHttpServer(stripped(mounts, options))),
  'node:https': (t, mounts, options) =>
    listen(t, createHttpsServer(tls(), stripped(mounts, options)), 'https://localhost'),
  'node:http2': (t, mounts, options) => {
    const listener = stripped(mounts, options) as (req: unknown, res: unknown) => void
    return listen(t, createSecureServer({ ...tls(), allowHTTP1: true }, listener), 'https://localhost')
  },
  'Express 5': (t, mounts, options) => listen(t, createHttpServer(withMounts(express(), mounts, options))),
  'Express 4': (t, mounts, options) => listen(t, createHttpServer(withMounts(express4(), mounts, options))),
  'Express 5 behind helmet, compression, cors and sessions': (t, mounts, options) => {
    const sessions = session({ secret: 'test', resave: false, saveUninitialized: true })
    const host = express().use(helmet(), compression(), cors(), sessions)
    return listen(t, createHttpServer(withMounts(host, mounts, options)))
  },
  'Koa 3': (t, mounts, options) => {
    const host = new Koa().use(koaReader(options))
    for (const { app, path } of mounts) host.use(koaMiddleware(app, { mountPath: path }))
    return listenKoa(t, host.callback())
  },
  'Koa 3 with koa-mount': (t, mounts, options) => {
    const host = new Koa().use(koaReader(options))
    for (const { app, path } of mounts) host.use(mount(path.replace(/(.)\/$/, '$1'), koaMiddleware(app)))
    return listenKoa(t, host.callback())
  },
  'Koa 2': (t, mounts, options) => {
    const host = new Koa2().use(koaReader(options))
    for (const { app, path } of mounts) host.use(koaMiddleware(app, { mountPath: path }))
    return listenKoa(t, host.callback())
  },
  'Fastify 5': async (t, mounts, { readsBodies } = {}) => {
    const host = fastify()
    t.after(() => host.close())
    if (readsBodies) host.addHook('preParsing', async (_request, _reply, payload) => await readToEnd(payload))
    for (const { app, path } of mounts) await host.register(fastifyPlugin, { prefix: path, app })
    return await host.listen({ port: 0, host: '127.0.0.1' })
  },
  'Fastify 4': async (t, mounts, { readsBodies } = {}) => {
    const host = fastify4()
    t.after(() => host.close())
    if (readsBodies) host.addHook('preParsing', async (_request, _reply, payload) => await readToEnd(payload))
    for (const { app, path } of mounts) await host.register(fastifyPlugin, { prefix: path, app })
    return await host.listen({ port: 0, host: '127.0.0.1' })
  },
  'Hono on Node': (t, mounts, { readsBodies } = {}) => {
    const host = new Hono().use(async ({ req }, next) => {
      if (readsBodies) await req.raw.arrayBuffer()
      await next()
    })
    for (const { app, path } of mounts) host.all(`${path}*`, honoHandler(app, { mountPath: path }))
    return listen(t, createHttpServer(getRequestListener(host.fetch)))
  },
  'NestJS 11': async (t, mounts, options) =>
    listen(t, createHttpServer(await nestListener(t, (host) => void withMounts(host, mounts, options)))),
  'a fetch host': (t, mounts, { readsBodies } = {}) =>
    listen(
      t,
      createHttpServer(
        getRequestListener(async (request, { incoming: { socket } }) => {
          if (readsBodies) await request.arrayBuffer()
          const found = mountOf(mounts, new URL(request.url).pathname)
          if (found === undefined) return new Response(null, { status: 404 })
          const address = socket.remoteAddress
          return await found.app.fetch(request, { mountPath: found.path, ...(address !== undefined && { address }) })
        }),
      ),
    ),
  'a proxy that takes the path off': async (t, mounts, options) => {
    const origins = new Map<string, string>()
    for (const { app, path } of mounts)
      origins.set(path, await listen(t, createHttpServer(stripped([{ app, path: '/' }], options))))
    return await listen(
      t,
      proxy(({ url = '/', headers: { host } }) => {
        const { path } = mountOf(mounts, url) ?? {}
        const origin = path && origins.get(path)
        if (path === undefined || origin === undefined) return undefined
        // Otherwise the index could not know the address that it has.
        const headers = { 'x-forwarded-host': `${host}${path}`, 'x-forwarded-proto': 'http' }
        return { origin, target: url.slice(path.length - 1), headers }
      }),
    )
  },
  'a proxy that leaves the path on': async (t, mounts, options) => {
    const origin = await listen(t, createHttpServer(withMounts(express(), mounts, options)))
    return await listen(
      t,
      proxy(({ url = '/' }) => ({ origin, target: url })),
    )
  },
}

function mountOf(mounts: readonly Mount[], url: string): Mount | undefined {
  return mounts.find(({ path }) => url.startsWith(path) || url === path.slice(0, -1))
}

/** The mounts in a framework whose middleware is that of Express. */
function withMounts<H extends { use: (...args: never[]) => unknown }>(
  host: H,
  mounts: readonly Mount[],
  { readsBodies = false }: HostOptions = {},
): H & RequestListener {
  const use = host.use.bind(host) as (...args: unknown[]) => unknown
  if (readsBodies) use(express.raw({ type: () => true, limit: '10mb' }))
  for (const { app, path } of mounts) use(path, app)
  return host as H & RequestListener
}

function koaReader({
  readsBodies,
}: HostOptions = {}): (ctx: { readonly req: Readable }, next: () => Promise<void>) => Promise<void> {
  return async ({ req }, next) => {
    if (readsBodies) await readToEnd(req)
    await next()
  }
}

/** Reads a body; what is left of it is nothing. */
async function readToEnd(body: Readable): Promise<Readable> {
  for await (const _ of body);
  return Readable.from([])
}

/** Listens on a free port of the loopback interface until the test ends. */
async function listen(
  t: TestContext,
  server: Server | SecureServer | Http2SecureServer,
  origin = 'http://127.0.0.1',
): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    // With what was never sent on it.
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return `${origin}:${(server.address() as AddressInfo).port}`
}

function listenKoa(t: TestContext, callback: (...args: Parameters<RequestListener>) => unknown): Promise<string> {
  return listen(
    t,
    createHttpServer((req, res) => void callback(req, res)),
  )
}

/** What Express does below a path, by hand. */
function stripped(mounts: readonly Mount[], { readsBodies = false }: HostOptions = {}): RequestListener {
  return async (req, res) => {
    if (readsBodies) await readToEnd(req)
    const { url: originalUrl = '/' } = req
    const { app, path } = mountOf(mounts, originalUrl) ?? {}
    if (app === undefined || path === undefined) return void res.writeHead(404).end()
    await app(Object.assign(req, { originalUrl, url: originalUrl.slice(path.length - 1) }), res)
  }
}

function tls(): { readonly key: Buffer; readonly cert: Buffer } {
  const read = (name: string): Buffer =>
    readFileSync(fileURLToPath(new URL(`../../../test/fixtures/tls/${name}`, import.meta.url)))
  return { key: read('key.pem'), cert: read('certificate.pem') }
}

/** Where a request goes that came to a proxy. */
interface Onward {
  readonly origin: string
  readonly target: string
  /** What the proxy says of itself, unless one in front of it did. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Passes everything on, as a front server with neither buffers nor rules of its own does. */
function proxy(onwardOf: (req: IncomingMessage) => Onward | undefined): Server {
  return createHttpServer((req, res) => {
    const { origin, target: path, headers } = onwardOf(req) ?? {}
    if (origin === undefined || path === undefined) return void res.writeHead(404).end()
    const { hostname, port } = new URL(origin)
    const to = { hostname, port, path, method: req.method, headers: { ...headers, ...req.headers }, agent: connections }
    const onward = sendOn(to, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders)
      answer.pipe(res)
    })
    // Not with the first piece of the body: of that nothing may come.
    onward.flushHeaders()
    onward.on('error', () => res.destroy())
    res.on('close', () => onward.destroy())
    req.pipe(onward)
  })
}

// One for each request: what is left open would look like a leak of the index.
const connections = new Agent({ keepAlive: false })
