// A part of a Hono application on Node, below /pypi.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { createApp } from 'pypi-server'
import { honoHandler } from 'pypi-server/hono'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd' } = process.env

const app = createApp({ roots: ROOT, passwordFile: PASSWORDS })
const host = new Hono()
host.all('/pypi/*', honoHandler(app, { mountPath: '/pypi' }))
// What has no route in the index comes here.
host.notFound((context) => context.text('not found in this application', 404))

const server = createServer(getRequestListener(host.fetch))
// Node ends requests after five minutes; a large upload may take longer.
server.requestTimeout = 0

server.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/pypi/\n`)
})

process.once('SIGTERM', () => server.close(() => void app.close()))
