import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type Config, createToken, tokens } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { basic, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { putFiles } from './pages.js'
import { rule } from './transports.js'

// RFC 7617, RFC 6750 and what clients do about 401, 403 and 404.

const built = wheel({ name: 'demo', version: '1.0' })
const everything = ['list', 'download', 'update'] as const
const password = 'pä:ss wörd €'
const guarded: Partial<Config> = {
  auther: (username, given) => username === 'änn' && given === password,
  authenticate: everything,
}
const file = `/packages/${built.filename}`

for (const [form, headerOf] of [
  ['__token__ with the token as password', (token: string) => basic('__token__', token)],
  ['the token as user name, with an empty password', (token: string) => basic(token, '')],
  ['any user name with the token as password', (token: string) => basic('somebody', token)],
  ['no user name, with the token as password', (token: string) => basic('', token)],
  ['a bearer token', (token: string) => ({ authorization: `Bearer ${token}` })],
  ['a bearer token with the scheme in lower case', (token: string) => ({ authorization: `bearer ${token}` })],
  ['the scheme token', (token: string) => ({ authorization: `token ${token}` })],
] as const) {
  rule(`pages, files and uploads take ${form}`, async (serve, t) => {
    const path = join(temporaryDirectory(t), 'tokens.json')
    const { token } = await createToken(path, { name: 'ci', actions: 'all', projects: ['*'] })
    const server = await serve({ auther: tokens(path), authenticate: everything })
    const headers = headerOf(token)
    assert.equal((await server.post(uploadForm(built), { headers })).status, 200)
    for (const page of ['/simple/', '/simple/demo/', file, `${file}.metadata`]) {
      assert.equal((await server.request(page, { headers })).status, 200, page)
    }
  })
}

rule('user name and password are UTF-8, and the password may have colons and spaces', async (serve) => {
  const server = await serve(guarded)
  assert.equal((await server.request('/simple/', { headers: basic('änn', password) })).status, 200)
})

rule('the challenge is Basic with a realm, and asks for UTF-8', async (serve) => {
  const server = await serve(guarded)
  for (const headers of [{}, basic('änn', 'wrong'), { authorization: 'Negotiate abc' }, { authorization: 'Basic ?' }]) {
    const response = await server.request('/simple/', { headers })
    assert.equal(response.status, 401)
    assert.equal(response.headers.get('www-authenticate'), 'Basic realm="pypi", charset="UTF-8"')
  }
})

rule('an upload without a login is challenged, and with a wrong one too', async (serve) => {
  const server = await serve(guarded)
  for (const headers of [{}, basic('änn', 'wrong')]) {
    const response = await server.post(uploadForm(built), { headers })
    assert.equal(response.status, 401)
    assert.match(response.headers.get('www-authenticate') ?? '', /^Basic /)
  }
})

rule('HEAD is challenged like GET', async (serve) => {
  const server = await serve(guarded)
  for (const path of ['/simple/', '/simple/demo/', file]) {
    const response = await server.request(path, { method: 'HEAD' })
    assert.equal(response.status, 401)
    assert.match(response.headers.get('www-authenticate') ?? '', /^Basic /)
  }
})

rule('who is logged in and may not is 403 without a challenge, never 404', async (serve) => {
  const server = await serve({
    ...guarded,
    authorizer: (_, { action, project }) => action === 'list' && project !== 'demo',
  })
  putFiles(server, built)
  const headers = basic('änn', password)
  for (const path of ['/simple/demo/', file]) {
    const response = await server.request(path, { headers })
    assert.deepEqual([response.status, response.headers.get('www-authenticate')], [403, null], path)
  }
  const upload = await server.post(uploadForm(built), { headers })
  assert.deepEqual([upload.status, upload.headers.get('www-authenticate')], [403, null])
})

rule('an anonymous client cannot tell which projects exist', async (serve) => {
  const server = await serve({ ...guarded, fallbackUrl: 'https://elsewhere.example/simple/' })
  putFiles(server, built)
  for (const path of ['/simple/demo/', '/simple/missing/', '/simple/demo', '/simple/Missing']) {
    const response = await server.request(path)
    assert.deepEqual([response.status, response.headers.get('location')], [401, null], path)
  }
})

rule('a redirect stays on the host that was asked, where clients keep the login', async (serve) => {
  const server = await serve(guarded)
  for (const path of ['/simple', '/simple/Demo/', '/simple/demo']) {
    const response = await server.request(path, { headers: basic('änn', password) })
    assert.equal(new URL(response.headers.get('location') ?? '', server.url).origin, new URL(server.url).origin)
  }
})

rule('what is read with a login is kept by no shared cache, what is open to all may be', async (serve) => {
  const headers = basic('änn', password)
  const closed = await serve(guarded)
  const open = await serve()
  for (const server of [closed, open]) putFiles(server, built)
  for (const path of ['/simple/', '/simple/demo/', file, `${file}.metadata`, '/pypi/demo/json']) {
    const scopeOf = async (response: Promise<Response>) => (await response).headers.get('cache-control')?.split(',')[0]
    assert.equal(await scopeOf(closed.request(path, { headers })), 'private', path)
    assert.equal(await scopeOf(open.request(path)), 'public', path)
  }
})
