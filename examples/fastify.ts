// A part of a Fastify 5 application, below /pypi.
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { createApp } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd' } = process.env

const app = createApp({ roots: ROOT, passwordFile: PASSWORDS })

async function index(scope: FastifyInstance): Promise<void> {
  // Uploads reach the index as they come in: in this scope nobody reads bodies. The rest of the application still does.
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
  for (const path of ['/', '/*']) {
    scope.all(path, async (request, reply) => {
      reply.hijack()
      const { url: originalUrl = '/' } = request.raw
      const url = originalUrl.slice(scope.prefix.length)
      await app(Object.assign(request.raw, { url, originalUrl }), reply.raw)
    })
  }
}

const host = fastify()
host.register(index, { prefix: '/pypi' })
host.addHook('onClose', () => app.close())

await host.listen({ port: Number(PORT), host: '127.0.0.1' })
const { port } = host.server.address() as AddressInfo
process.stdout.write(`Listening on http://127.0.0.1:${port}/pypi/\n`)

process.once('SIGTERM', () => void host.close())
