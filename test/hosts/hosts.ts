import { readFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener, type Server, request as sendOn } from 'node:http'
import { createSecureServer, type Http2SecureServer } from 'node:http2'
import { createServer as createHttpsServer, type Server as SecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
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

/** Mounts an index below a path that begins and ends with a slash; tells the origin, without a slash. */
export type Host = (t: TestContext, app: App, path: string) => Promise<string>

/** Every host that `docs/mounting.md` lists, under the name that it has there. */
export const hosts: Readonly<Record<string, Host>> = {
  'node:http': (t, app, path) => listen(t, createHttpServer(stripped(app, path))),
  'node:https': (t, app, path) => listen(t, createHttpsServer(tls(), stripped(app, path)), 'https://localhost'),
  'node:http2': (t, app, path) =>
    listen(
      t,
      createSecureServer({ ...tls(), allowHTTP1: true }, (req, res) => {
        void app(Object.assign(req, below(req.url, path)), res)
      }),
      'https://localhost',
    ),
  'Express 5': (t, app, path) => listen(t, createHttpServer(express().use(path, app))),
  'Express 4': (t, app, path) => listen(t, createHttpServer(express4().use(path, app))),
  'Express 5 behind helmet, compression, cors and sessions': (t, app, path) => {
    const sessions = session({ secret: 'test', resave: false, saveUninitialized: true })
    return listen(t, createHttpServer(express().use(helmet(), compression(), cors(), sessions).use(path, app)))
  },
  'Koa 3': (t, app, path) => listenKoa(t, new Koa().use(koaMiddleware(app, { mountPath: path })).callback()),
  'Koa 3 with koa-mount': (t, app, path) =>
    listenKoa(t, new Koa().use(mount(path.replace(/(.)\/$/, '$1'), koaMiddleware(app))).callback()),
  'Koa 2': (t, app, path) => listenKoa(t, new Koa2().use(koaMiddleware(app, { mountPath: path })).callback()),
  'Fastify 5': async (t, app, path) => {
    const host = fastify()
    t.after(() => host.close())
    await host.register(fastifyPlugin, { prefix: path, app })
    return await host.listen({ port: 0, host: '127.0.0.1' })
  },
  'Fastify 4': async (t, app, path) => {
    const host = fastify4()
    t.after(() => host.close())
    await host.register(fastifyPlugin, { prefix: path, app })
    return await host.listen({ port: 0, host: '127.0.0.1' })
  },
  'Hono on Node': (t, app, path) => {
    const host = new Hono().all(`${path}*`, honoHandler(app, { mountPath: path }))
    return listen(t, createHttpServer(getRequestListener(host.fetch)))
  },
  'NestJS 11': async (t, app, path) => listen(t, createHttpServer(await nestListener(t, app, path))),
  'a fetch host': (t, app, path) =>
    listen(t, createHttpServer(getRequestListener((request) => app.fetch(request, { mountPath: path })))),
  'a proxy that takes the path off': async (t, app, path) =>
    listen(
      t,
      proxy(await listen(t, createHttpServer(app)), (url) => url.slice(path.length - 1)),
    ),
  'a proxy that leaves the path on': async (t, app, path) =>
    listen(
      t,
      proxy(await listen(t, createHttpServer(express().use(path, app))), (url) => url),
    ),
}

/** Listens on a free port of the loopback interface until the test ends. */
async function listen(
  t: TestContext,
  server: Server | SecureServer | Http2SecureServer,
  origin = 'http://127.0.0.1',
): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket))
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
function stripped(app: App, path: string): RequestListener {
  return (req, res) => void app(Object.assign(req, below(req.url, path)), res)
}

function below(originalUrl = '/', path: string): { readonly originalUrl: string; readonly url: string } {
  return { originalUrl, url: originalUrl.slice(path.length - 1) }
}

function tls(): { readonly key: Buffer; readonly cert: Buffer } {
  const read = (name: string): Buffer =>
    readFileSync(fileURLToPath(new URL(`../../../test/fixtures/tls/${name}`, import.meta.url)))
  return { key: read('key.pem'), cert: read('certificate.pem') }
}

/** Passes everything on, as a front server with neither buffers nor rules of its own does. */
function proxy(origin: string, rewrite: (url: string) => string): Server {
  const server = createHttpServer((req, res) => {
    const { method, headers, url = '/' } = req
    const onward = sendOn(`${origin}${rewrite(url)}`, { method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders)
      answer.pipe(res)
    })
    onward.on('error', () => res.destroy())
    res.on('close', () => onward.destroy())
    req.pipe(onward)
  })
  return server
}
