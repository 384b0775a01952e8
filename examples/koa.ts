// A Koa 3 application whose last middleware is the index.
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { createApp } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd' } = process.env

const app = createApp({ roots: ROOT, passwordFile: PASSWORDS })
const host = new Koa()
host.use(async (ctx) => {
  // The index writes the answer itself.
  ctx.respond = false
  await app(ctx.req, ctx.res)
})

const server = host.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/\n`)
})

process.once('SIGTERM', () => server.close(() => void app.close()))
