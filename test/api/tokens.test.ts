import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  type Action,
  type Auther,
  anyOf,
  type Config,
  createToken,
  listTokens,
  type NewToken,
  revokeToken,
  type Scope,
  tokens,
} from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { basic, serveIndex, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const acme = wheel({ name: 'acme-app', version: '1.0' })
const other = wheel({ name: 'other', version: '1.0' })
const everything = ['list', 'download', 'update'] as const
const removal = (name: string): FormData => {
  const form = new FormData()
  for (const [key, value] of Object.entries({ ':action': 'remove_pkg', name, version: '1.0' })) form.append(key, value)
  return form
}

/** An index with both projects, to which a new token and the user ann have access. */
async function serveTokens(t: TestContext, scope: Partial<NewToken>, config: Partial<Config> = {}) {
  const path = join(temporaryDirectory(t), 'tokens.json')
  const { token } = await createToken(path, { name: 'ci', actions: 'all', projects: ['*'], ...scope })
  const ann: Auther = (username, password) => username === 'ann' && password === 'secret'
  const server = await serveIndex(t, { auther: anyOf(tokens(path), ann), authenticate: everything, ...config })
  for (const { filename, bytes } of [acme, other]) writeFileSync(join(server.root, filename), bytes)
  return { ...server, path, token, headers: { authorization: `Bearer ${token}` } }
}

const shapes: readonly (readonly [string, (token: string) => Record<string, string>])[] = [
  ['__token__:T', (token) => ({ ...basic('__token__', token) })],
  ['T:', (token) => ({ ...basic(token, '') })],
  ['user:T', (token) => ({ ...basic('someone', token) })],
  ['Bearer T', (token) => ({ authorization: `Bearer ${token}` })],
  ['token T', (token) => ({ authorization: `token ${token}` })],
]

const calls: readonly (readonly [action: Action, project: string, path: string, body?: () => FormData])[] = [
  ['list', '', '/simple/'],
  ['list', '', '/packages/'],
  ['list', 'acme-app', '/simple/acme-app/'],
  ['list', 'other', '/simple/other/'],
  ['list', 'acme-app', '/acme-app/json'],
  ['list', 'other', '/other/json'],
  ['download', 'acme-app', `/packages/${acme.filename}`],
  ['download', 'other', `/packages/${other.filename}`],
  ['download', 'acme-app', `/packages/${acme.filename}.metadata`],
  ['download', 'other', `/packages/${other.filename}.metadata`],
  ['upload', 'acme-app', '/', () => uploadForm(acme)],
  ['upload', 'other', '/legacy/', () => uploadForm(other)],
  ['remove', 'other', '/', () => removal('Other')],
]

const scopes: readonly Scope[] = [
  { actions: 'all', projects: ['*'] },
  { actions: ['list', 'download'], projects: ['Acme.*'] },
  { actions: ['upload'], projects: ['acme-app'] },
  { actions: ['upload', 'remove'], projects: ['*'] },
  { actions: ['upload', 'download'], projects: ['nothing'] },
]

const isIn = ({ actions, projects }: Scope, action: Action, project: string): boolean =>
  (actions === 'all' || actions.includes(action)) &&
  (project === '' || projects[0] === '*' || (projects[0] !== 'nothing' && project === 'acme-app'))

for (const [shape, headersOf] of shapes) {
  for (const scope of scopes) {
    test(`a token sent as ${shape} is good for ${scope.actions} of ${scope.projects} and 403 elsewhere`, async (t) => {
      const { request, token } = await serveTokens(t, scope)
      const headers = headersOf(token)
      for (const [action, project, path, body] of calls) {
        // The form is read, and its action known, only after uploads were allowed.
        const isGood = isIn(scope, action, project) && (action !== 'remove' || isIn(scope, 'upload', ''))
        const response = await request(path, { headers, ...(body && { method: 'POST', body: body() }) })
        assert.equal(response.status, isGood ? 200 : 403, `${action} ${path}`)
      }
    })
  }
  test(`a token sent as ${shape} that is unknown or damaged is 401 with a challenge`, async (t) => {
    const { request, token, path } = await serveTokens(t, {})
    await revokeToken(path, 'ci')
    for (const bad of [token, `${token.slice(0, -1)}!`, `${token}x`]) {
      const response = await request('/simple/', { headers: headersOf(bad) })
      assert.equal(response.status, 401)
      assert.match(response.headers.get('www-authenticate') ?? '', /^Basic /)
    }
  })
}

test('a CI token uploads to its project, gets 403 elsewhere, and nothing once it is revoked', async (t) => {
  const { post, headers, path } = await serveTokens(t, { actions: ['upload'], projects: ['acme-app'] })
  const statusOf = async (file: typeof acme): Promise<number> => (await post(uploadForm(file), { headers })).status
  const [next, foreign] = ['acme-app', 'other'].map((name) => wheel({ name, version: '2.0' }))
  assert.ok(next && foreign)
  assert.deepEqual([await statusOf(next), await statusOf(foreign)], [200, 403])
  const [{ id } = { id: '' }] = await listTokens(path)
  await revokeToken(path, id)
  assert.deepEqual([await statusOf(next), await statusOf(foreign)], [401, 401])
})

test('a refusal names the action, the project and what the token is good for', async (t) => {
  const { post, request, headers } = await serveTokens(t, { actions: ['upload'], projects: ['acme-*'] })
  const upload = await post(uploadForm(other), { headers })
  assert.equal(await upload.text(), 'token:ci may not upload other: it is good for upload of acme-*\n')
  const list = await request('/simple/', { headers })
  assert.equal(await list.text(), 'token:ci may not list: it is good for upload of acme-*\n')
})

test('the file of an upload counts, not the name in the form', async (t) => {
  const { post, headers } = await serveTokens(t, { projects: ['acme-app'] })
  assert.equal((await post(uploadForm(other, { name: 'acme-app' }), { headers })).status, 400)
  assert.equal((await post(uploadForm(other), { headers })).status, 403)
})

test('a token that has expired is 401', async (t) => {
  const expiresMs = Date.now() + 60_000
  const { request, headers } = await serveTokens(t, { expiresMs })
  assert.equal((await request('/simple/', { headers })).status, 200)
  t.mock.timers.enable({ apis: ['Date'], now: expiresMs })
  assert.equal((await request('/simple/', { headers })).status, 401)
})

test('a token file that is malformed is 503 for tokens, without a word of it, and no matter for passwords', async (t) => {
  const { request, headers, path } = await serveTokens(t, {})
  writeFileSync(path, '{"format": 1, "secret')
  const response = await request('/simple/', { headers })
  assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '2'])
  assert.equal(await response.text(), 'logins cannot be checked at the moment\n')
  assert.equal((await request('/simple/', { headers: basic('ann', 'secret') })).status, 200)
})

test('no authorizer of the host widens the scope of an identity, and any narrows it', async (t) => {
  const scope = { actions: ['list'], projects: ['Acme_*'] } as const
  const auther: Auther = (name) => ({ name, scope })
  const { request } = await serveIndex(t, {
    auther,
    authenticate: [],
    authorizer: (_, { project }) => project !== 'acme-secret',
  })
  const statusOf = async (path: string): Promise<number> => (await request(path, { headers: basic('ann', 'x') })).status
  assert.deepEqual(
    [await statusOf('/simple/'), await statusOf('/simple/acme-x/'), await statusOf('/simple/other/')],
    [200, 404, 403],
  )
  assert.deepEqual([await statusOf('/simple/acme-secret/'), await statusOf('/packages/x.whl')], [403, 403])
})

for (const scope of ['openid', null, {}, { actions: ['list'] }, { actions: ['read'], projects: ['*'] }]) {
  test(`a scope that is none, ${JSON.stringify(scope)}, is an error and not «no limits»`, async (t) => {
    const auther = (name: string) => ({ name, scope }) as unknown as ReturnType<Auther>
    const { request } = await serveIndex(t, { auther, authenticate: [] })
    assert.equal((await request('/simple/', { headers: basic('ann', 'x') })).status, 500)
  })
}
