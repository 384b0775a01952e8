// People and tokens in a Postgres database. It is PGlite here; a `Pool` of pg has the same `query`.
import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PGlite } from '@electric-sql/pglite'
import { type Auther, anyOf, createApp, passwordWorker } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', DATABASE = './database' } = process.env
const database = await PGlite.create(DATABASE)
const passwords = passwordWorker()
// Of nobody: whether a name exists must not be told by the time that a login takes.
const decoy = `$2b$10$${'a'.repeat(53)}`

// A query that fails rejects: nobody is told that the password is wrong then.
const people: Auther = async (name, password) => {
  const query = 'SELECT password, may_upload FROM users WHERE name = $1'
  const [user] = (await database.query<{ password: string; may_upload: boolean }>(query, [name])).rows
  const isRight = await passwords.verify(password, user?.password ?? decoy)
  return isRight && user !== undefined && { name, mayUpload: user.may_upload }
}
const tokens: Auther = async (name, token) => {
  if (name !== '__token__') return false
  const query = 'SELECT owner FROM tokens WHERE sha256 = $1 AND expires > now()'
  const digest = createHash('sha256').update(token).digest('hex')
  const [found] = (await database.query<{ owner: string }>(query, [digest])).rows
  return found !== undefined && { name: found.owner, mayUpload: true }
}
const app = createApp({
  roots: ROOT,
  auther: anyOf(tokens, people),
  authenticate: ['list', 'download', 'update'],
  authorizer: (identity, { action }) => ['list', 'download'].includes(action) || identity?.['mayUpload'] === true,
})
const server = createServer(app).listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/\n`)
})
const parts = [app, passwords, database]
process.once('SIGTERM', () => server.close(() => void Promise.all(parts.map((part) => part.close()))))
