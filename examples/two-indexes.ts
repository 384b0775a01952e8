// Two indexes on one server: what is released at /stable, what is being tried at /unstable. One login for both.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp, htpasswd } from 'pypi-server'

const { PORT = '8080', STABLE = './stable', UNSTABLE = './unstable', PASSWORDS = './htpasswd' } = process.env

const auther = htpasswd(PASSWORDS)
const indexes = new Map([
  ['/stable', createApp({ roots: STABLE, auther })],
  ['/unstable', createApp({ roots: UNSTABLE, auther, overwrite: true })],
])

const server = createServer((req, res) => {
  const { url: originalUrl = '/' } = req
  const [mount = ''] = /^\/[^/?]*/.exec(originalUrl) ?? []
  const index = indexes.get(mount)
  if (index === undefined) return res.writeHead(404).end(`not found: try ${[...indexes.keys()].join(' or ')}\n`)
  return index(Object.assign(req, { originalUrl, url: originalUrl.slice(mount.length) }), res)
})

server.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/\n`)
})

process.once('SIGTERM', () => {
  server.close(() => void Promise.all([...indexes.values(), auther].map((part) => part.close())))
})
