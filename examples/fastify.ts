// A part of a Fastify 5 application, below /pypi.
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { createApp } from 'pypi-server'
import { fastifyPlugin } from 'pypi-server/fastify'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd' } = process.env

const app = createApp({ roots: ROOT, passwordFile: PASSWORDS })

const host = fastify()
host.register(fastifyPlugin, { prefix: '/pypi', app })
host.addHook('onClose', () => app.close())

await host.listen({ port: Number(PORT), host: '127.0.0.1' })
const { port } = host.server.address() as AddressInfo
process.stdout.write(`Listening on http://127.0.0.1:${port}/pypi/\n`)

process.once('SIGTERM', () => void host.close())
