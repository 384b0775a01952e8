// Logins of one's own: a token for the build machine, a password file for people, and only the machine uploads.
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Auther, anyOf, createApp, htpasswd } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd', TOKEN = '' } = process.env

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
const machine: Auther = (username, password) =>
  username === '__token__' && TOKEN !== '' && timingSafeEqual(digest(password), digest(TOKEN))
const people = htpasswd(PASSWORDS)

const app = createApp({
  roots: ROOT,
  auther: anyOf(machine, people),
  authenticate: ['list', 'download', 'update'],
  authorizer: (identity, { action }) => action !== 'upload' || identity?.name === '__token__',
})

const server = createServer(app)
server.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/\n`)
})

process.once('SIGTERM', () => server.close(() => void Promise.all([app.close(), people.close()])))
