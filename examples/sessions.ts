// People log in at the host and browse the index with their session; pip and twine send passwords, as ever.
import type { AddressInfo } from 'node:net'
import express from 'express'
import session from 'express-session'
import { createApp, htpasswd } from 'pypi-server'

const { PORT = '8080', ROOT = './packages', PASSWORDS = './htpasswd', SECRET = '' } = process.env

const people = htpasswd(PASSWORDS)
const app = createApp({
  roots: ROOT,
  auther: people,
  authenticate: ['list', 'download', 'update'],
  // Asked first. Nobody here means that credentials are looked at.
  identify: ({ request }) => {
    const { user } = (request as { readonly session: { readonly user?: string } }).session
    return user === undefined ? null : { name: user }
  },
})

const host = express()
// Put `secure: true` where the host is reached by https, and a store of your own that outlives the process.
host.use(session({ secret: SECRET, resave: false, saveUninitialized: false, cookie: { sameSite: 'lax' } }))
host.post('/login', express.urlencoded(), async (req, res) => {
  const { user = '', password = '' } = req.body ?? {}
  if (!(await people(String(user), String(password)))) return void res.status(401).send('wrong name or password')
  // Another session, so that whoever knew the id of this one is not logged in.
  req.session.regenerate(() => {
    Object.assign(req.session, { user: String(user) })
    res.redirect(303, '/simple/')
  })
})
host.use(app)

const server = host.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`Listening on http://127.0.0.1:${port}/\n`)
})
process.once('SIGTERM', () => server.close(() => void Promise.all([app.close(), people.close()])))
