// A server of one's own: node:http and nothing else.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd' } = process.env

const app = createApp({ roots: ROOT, passwordFile: PASSWORDS })
const server = createServer(app)
// Node ends requests after five minutes; a large upload may take longer.
server.requestTimeout = 0

server.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/\n`)
})

process.once('SIGTERM', () => server.close(() => void app.close()))
