// Compiled, never run: an app fits into every host as that host's own types have it.
import { createServer } from 'node:http'
import { createServer as createHttp2Server } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import express, { type RequestHandler } from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa, { type Middleware } from 'koa'
import { createApp } from 'pypi-server'
import { fastifyPlugin } from 'pypi-server/fastify'
import { honoHandler } from 'pypi-server/hono'
import { koaMiddleware } from 'pypi-server/koa'

const app = createApp({ roots: './packages' })

createServer(app).on('checkContinue', app.checkContinue)
createHttpsServer({}, app)
createHttp2Server({}, app)

const handler: RequestHandler = app
express().use('/pypi', handler).use(app.wellKnown)

const middleware: Middleware = koaMiddleware(app, { mountPath: '/pypi' })
new Koa().use(middleware)

void fastify().register(fastifyPlugin, { prefix: '/pypi', app })
// @ts-expect-error the plugin needs an app
void fastify().register(fastifyPlugin, { prefix: '/pypi' })

new Hono().all('/pypi/*', honoHandler(app, { mountPath: '/pypi' }))
// @ts-expect-error the adapter needs an app
honoHandler({ mountPath: '/pypi' })

const answered: Promise<Response> = app.fetch(new Request('http://localhost/simple/'), { address: '127.0.0.1' })
void answered
