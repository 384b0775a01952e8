import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { anyOf, type Config, createToken, rules, tokens } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { basic, serveIndex, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const open = wheel({ name: 'open', version: '1.0' })
const secret = wheel({ name: 'secret', version: '1.0' })
const team = {
  groups: { ci: ['bob', 'token:release'] },
  rules: [
    { who: 'anyone', may: ['list', 'download'], projects: 'open' },
    { who: '@ci', may: ['list', 'download'] },
    { who: '@ci', may: 'upload', projects: 'open' },
  ],
}

/** An index with two projects and these rules, where bob, eve and two tokens can log in. */
async function serveRules(t: TestContext, config: Partial<Config> = {}) {
  const folder = temporaryDirectory(t)
  const [rulesFile, tokenFile] = [join(folder, 'rules.json'), join(folder, 'tokens.json')]
  writeFileSync(rulesFile, JSON.stringify(team))
  const users = (name: string, password: string): boolean => ['bob', 'eve'].includes(name) && password === 'x'
  const auther = anyOf(tokens(tokenFile), users)
  const server = await serveIndex(t, { auther, authenticate: [], authorizer: rules(rulesFile), ...config })
  for (const { filename, bytes } of [open, secret]) writeFileSync(join(server.root, filename), bytes)
  const make = (name: string, user?: string) =>
    createToken(tokenFile, { name, actions: 'all', projects: ['*'], ...(user && { user }) })
  return { ...server, rulesFile, make }
}

const calls = [
  ['/simple/'],
  ['/simple/open/'],
  ['/simple/secret/'],
  [`/packages/${open.filename}`],
  [`/packages/${secret.filename}`],
  ['/', open],
  ['/', secret],
] as const

const answers = {
  anonymous: [401, 200, 401, 200, 401, 401, 401],
  bob: [200, 200, 200, 200, 200, 200, 403],
  eve: [403, 200, 403, 200, 403, 403, 403],
  'token:release': [200, 200, 200, 200, 200, 200, 403],
  'token:other': [403, 200, 403, 200, 403, 403, 403],
  'token:of-bob': [200, 200, 200, 200, 200, 200, 403],
} as const

for (const [who, statuses] of Object.entries(answers)) {
  test(`what rules allow ${who} is served, the rest is ${who === 'anonymous' ? '401' : '403'}`, async (t) => {
    const { request, make } = await serveRules(t)
    const [, name] = who.split(':')
    const tokenOwner = name === 'of-bob' ? 'bob' : undefined
    const headers =
      who === 'anonymous'
        ? {}
        : name === undefined
          ? basic(who, 'x')
          : basic('__token__', (await make(name, tokenOwner)).token)
    for (const [index, [path, file]] of calls.entries()) {
      const init = file === undefined ? {} : { method: 'POST', body: uploadForm(file) }
      const response = await request(path, { ...init, headers })
      assert.equal(response.status, statuses[index], `${path} ${file?.filename ?? ''}`)
      assert.equal(response.headers.has('www-authenticate'), response.status === 401)
    }
  })
}

test('a wrong password is 401 also where anyone may', async (t) => {
  const { request } = await serveRules(t)
  assert.equal((await request('/simple/open/', { headers: basic('bob', 'wrong') })).status, 401)
})

test('a rule for anyone does not take away what authenticate asks for', async (t) => {
  const { request } = await serveRules(t, { authenticate: ['list'] })
  assert.deepEqual(
    [(await request('/simple/open/')).status, (await request(`/packages/${open.filename}`)).status],
    [401, 200],
  )
})

test('a change of the rules counts with the next request, and no rules at all are 503', async (t) => {
  const { request, rulesFile } = await serveRules(t)
  const statusOf = async (): Promise<number> => (await request('/simple/secret/')).status
  assert.equal(await statusOf(), 401)
  writeFileSync(rulesFile, JSON.stringify({ rules: [{ who: 'anyone', may: 'list' }] }))
  assert.equal(await statusOf(), 200)
  writeFileSync(rulesFile, '{"rules": [')
  assert.equal(await statusOf(), 503)
  rmSync(rulesFile)
  assert.equal(await statusOf(), 503)
})

test('what rules decide about is kept by no shared cache', async (t) => {
  const { request } = await serveRules(t, { cacheControl: 60 })
  for (const path of ['/simple/open/', `/packages/${open.filename}`]) {
    assert.match((await request(path)).headers.get('cache-control') ?? '', /^private, /)
  }
})
