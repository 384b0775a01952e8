// One metrics page for everything: the index's own numbers behind those of the host's prom-client registry.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Counter, Registry } from 'prom-client'
import { createApp } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd' } = process.env

const registry = new Registry()
const large = new Counter({ name: 'large_uploads_total', help: 'Uploads above a megabyte.', registers: [registry] })
const app = createApp({
  roots: ROOT,
  passwordFile: PASSWORDS,
  events: { publish: ({ file }) => void (file.size > 1e6 && large.inc()) },
})
// Counting begins here.
app.metrics()

const server = createServer(async (req, res) => {
  if (req.url !== '/internal/metrics') return app(req, res)
  const text = (await registry.metrics()) + app.metrics()
  res.writeHead(200, { 'content-type': registry.contentType }).end(text)
})
server.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/\n`)
})

process.once('SIGTERM', () => server.close(() => void app.close()))
