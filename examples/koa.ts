// A part of a Koa 3 application. With `{ mountPath: '/pypi' }` it is below that path.
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { createApp } from 'pypi-server'
import { koaMiddleware } from 'pypi-server/koa'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd' } = process.env

const app = createApp({ roots: ROOT, passwordFile: PASSWORDS })
const host = new Koa()
host.use(koaMiddleware(app))
// What has no route in the index comes here.
host.use((ctx) => {
  ctx.status = 404
  ctx.body = 'not found in this application'
})

const server = host.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/\n`)
})

process.once('SIGTERM', () => server.close(() => void app.close()))
