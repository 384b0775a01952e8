// A part of an Express 5 application, below /pypi. Body parsers come after it, or on routes of their own.
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createApp } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd' } = process.env

const app = createApp({ roots: ROOT, passwordFile: PASSWORDS })
const host = express()
host.use('/pypi', app)
// What has no route in the index comes here.
host.use((_req, res) => void res.status(404).send('not found in this application'))

const server = host.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/pypi/\n`)
})

process.once('SIGTERM', () => server.close(() => void app.close()))
