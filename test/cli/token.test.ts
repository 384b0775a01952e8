import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Config, createApp, createToken, listTokens, rules } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { basic, serveIndex, uploadForm } from '../helpers/index-server.js'
import { type RunningServer, startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const acme = wheel({ name: 'acme-app', version: '1.0' })
const other = wheel({ name: 'other', version: '1.0' })

function command(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 20_000 })
  return { status, out: stdout, err: stderr }
}

function tokenFile(t: TestContext): string {
  return join(temporaryDirectory(t), 'tokens.json')
}

function passwordFile(t: TestContext): string {
  const path = join(temporaryDirectory(t), 'htpasswd')
  writeFileSync(path, `ann:{SHA}${createHash('sha1').update('secret').digest('base64')}\n`)
  return path
}

async function start(t: TestContext, ...args: readonly string[]): Promise<RunningServer> {
  const server = await startServer({ directory: temporaryDirectory(t), args })
  t.after(() => server.stop())
  return server
}

async function upload(url: string, file: typeof acme, headers: Readonly<Record<string, string>>): Promise<number> {
  return (await fetch(url, { method: 'POST', body: uploadForm(file), headers })).status
}

test('a token for one project uploads to it, gets 403 for another, and nothing within a second of its end', async (t) => {
  const file = tokenFile(t)
  const { out, err } = command('token', 'create', file, 'ci', '--projects', 'acme-app')
  assert.match(out, /^pypisrv_\w+\n$/)
  assert.ok(!err.includes(out.trim()))
  const { url, stderr } = await start(t, '--tokens', file)
  const headers = basic('__token__', out.trim())
  assert.deepEqual([await upload(url, acme, headers), await upload(url, other, headers)], [200, 403])
  await eventually(() => stderr().includes(`Needed for update: tokens of ${file}\n`))
  assert.equal(command('token', 'revoke', file, 'ci').out, 'revoked ci\n')
  await eventually(async () => (await upload(url, acme, headers)) === 401, 1000)
})

test('a token that is made while a server runs is good at once, also where there was no file before', async (t) => {
  const file = tokenFile(t)
  const { url, stderr } = await start(t, '-P', '.', '--tokens', file)
  assert.match(stderr(), /^Warning: cannot read the token file .*: ENOENT; there are no tokens until one is created$/m)
  const { out } = command('token', 'create', file, 'ci', '--projects', '*')
  assert.equal(await upload(url, acme, { authorization: `Bearer ${out.trim()}` }), 200)
})

test('tokens and passwords are both good', async (t) => {
  const file = tokenFile(t)
  const { token } = await createToken(file, { name: 'ci', actions: 'all', projects: ['*'] })
  const { url } = await start(t, '--tokens', file, '-P', passwordFile(t))
  for (const [user, password, status] of [
    ['__token__', token, 200],
    ['ann', 'secret', 200],
    ['ann', 'wrong', 401],
  ] as const) {
    assert.equal(await upload(url, acme, basic(user, password)), status, user)
  }
})

test('a file of rules decides, and its changes count from the next request', async (t) => {
  const file = join(temporaryDirectory(t), 'rules.json')
  const allow = (...may: readonly string[]): void =>
    writeFileSync(file, JSON.stringify({ rules: [{ who: 'ann', may, projects: 'acme-*' }] }))
  allow('upload')
  const { url, stderr } = await start(t, '-P', passwordFile(t), '--rules', file)
  const ann = basic('ann', 'secret')
  assert.deepEqual([await upload(url, acme, ann), await upload(url, other, ann)], [200, 403])
  await eventually(() => stderr().includes(`Who may do what is decided by ${file}`))
  assert.equal((await fetch(`${url}simple/acme-app/`)).status, 401)
  allow('download')
  assert.equal(await upload(url, acme, ann), 403)
})

test('a file of rules that is missing is warned of, and everything is refused', async (t) => {
  const { url, stderr } = await start(t, '--rules', join(temporaryDirectory(t), 'rules.json'))
  assert.match(stderr(), /^Warning: cannot read the rules file .*: ENOENT; nobody may do anything/m)
  assert.equal((await fetch(`${url}simple/`)).status, 503)
})

test('an expiry is counted from now, or is the end of a day', async (t) => {
  const file = tokenFile(t)
  const times = { '90d': 90 * 86_400_000, '12h': 12 * 3_600_000 }
  for (const [word, lifetimeMs] of Object.entries(times)) {
    assert.equal(command('token', 'create', file, `for-${word}`, '--projects', '*', '--expires', word).status, 0)
    const found = (await listTokens(file)).find(({ name }) => name === `for-${word}`)
    const { createdMs = 0, expiresMs = 0 } = found ?? {}
    assert.ok(Math.abs(expiresMs - createdMs - lifetimeMs) < 10_000)
  }
  command('token', 'create', file, 'for-a-day', '--projects', '*', '--expires', '2999-12-31')
  assert.equal((await listTokens(file)).at(-1)?.expiresMs, Date.UTC(3000, 0, 1))
})

test('the list is a table without tokens and hashes', async (t) => {
  const file = tokenFile(t)
  const { token, id } = await createToken(file, { name: 'reader', actions: ['list', 'download'], projects: ['a', 'b'] })
  await createToken(file, { name: 'ci', actions: 'all', projects: ['*'], user: 'bob', expiresMs: Date.UTC(3000, 0) })
  const { status, out, err } = command('token', 'list', file)
  assert.deepEqual([status, err], [0, ''])
  const [head = '', reader = '', ci = '', ...rest] = out.split('\n')
  assert.match(head, /^ID {12}NAME {4}USER {2}ACTIONS {8}PROJECTS {2}CREATED {12}EXPIRES$/)
  assert.match(reader, new RegExp(`^${id} {2}reader {2}- {5}list,download {2}a,b {7}\\d{4}-\\S+Z {2}never$`))
  assert.match(ci, / {2}ci {6}bob {3}all {12}\* {9}\d{4}-\S+Z {2}3000-01-01T00:00Z$/)
  assert.deepEqual(rest, [''])
  const { tokens } = JSON.parse(readFileSync(file, 'utf8')) as { readonly tokens: readonly { sha256: string }[] }
  assert.ok(![token, ...tokens.map(({ sha256 }) => sha256)].some((secret) => out.includes(secret)))
})

test('a token is revoked by its id', async (t) => {
  const file = tokenFile(t)
  const { id } = await createToken(file, { name: 'ci', actions: 'all', projects: ['*'] })
  assert.equal(command('token', 'revoke', file, id).status, 0)
  assert.deepEqual(await listTokens(file), [])
})

for (const [status, args, text] of [
  [2, ['create', 'FILE', 'ci'], /required: --projects/],
  [2, ['create', 'FILE', 'ci', '--projects', ''], /"" has an empty word/],
  [2, ['create', 'FILE', 'ci', '--projects', '*', '--actions', 'read'], /"read" is none of list, download/],
  [2, ['create', 'FILE', 'a b', '--projects', '*'], /name is not 1 to 64 letters/],
  [2, ['create', 'FILE', 'ci', '--projects', '*', '--expires', '5'], /"5" is none of 90d, 12h, 2026-12-31/],
  [2, ['create', 'FILE', 'ci', '--projects', '*', '--expires', '2999-02-30'], /"2999-02-30" is none of/],
  [2, ['create', 'FILE', 'ci', '--projects', '*', '--expires', '2020-01-01'], /is not in the future/],
  [2, ['create', 'FILE', 'ci', '--projects', '*', '--expires', '0d'], /is not in the future/],
  [1, ['list', 'FILE'], /cannot read the token file .*: ENOENT/],
  [1, ['revoke', 'FILE', 'ci'], /there is no token ci in /],
  [1, ['create', 'missing/FILE', 'ci', '--projects', '*'], /cannot be written/],
  [2, ['rename', 'FILE'], /invalid choice: 'rename'/],
] as const) {
  test(`token ${args.join(' ')} is refused with ${status}, and makes no file`, (t) => {
    const file = tokenFile(t)
    const result = command(
      'token',
      ...args.map((arg) => arg.replace('missing/FILE', `${file}/x`).replace('FILE', file)),
    )
    assert.deepEqual([result.status, result.out], [status, ''])
    assert.match(result.err.trimEnd().split('\n').at(-1) ?? '', text)
    assert.throws(() => statSync(file), { code: 'ENOENT' })
  })
}

test('a name that is taken is refused with 2, and the token of that name stays', async (t) => {
  const file = tokenFile(t)
  const { id } = await createToken(file, { name: 'ci', actions: 'all', projects: ['*'] })
  assert.equal(command('token', 'create', file, 'ci', '--projects', '*').status, 2)
  assert.deepEqual(
    (await listTokens(file)).map((token) => token.id),
    [id],
  )
})

test('an app with a tokenFile takes its tokens first, and then the logins of its auther, until it is closed', async (t) => {
  const file = tokenFile(t)
  const asked: string[] = []
  const { token } = await createToken(file, { name: 'ci', actions: 'all', projects: ['*'] })
  const { request, app } = await serveIndex(t, {
    tokenFile: file,
    auther: (name) => asked.push(name) > 0,
    authenticate: ['list'],
  })
  const statusFor = async (user: string, password: string): Promise<number> =>
    (await request('/simple/', { headers: basic(user, password) })).status
  assert.deepEqual([await statusFor('__token__', token), await statusFor('ann', 'x')], [200, 200])
  assert.deepEqual(asked, ['ann'])
  await app.close()
  await statusFor('__token__', token)
  assert.deepEqual(asked, ['ann', '__token__'])
})

for (const config of [
  { tokenFile: '' },
  { rulesFile: 1 },
  { rulesFile: 'x', authorizer: () => true },
  { rulesFile: 'x', authorizer: rules('x') },
] as readonly object[]) {
  test(`a configuration with ${Object.keys(config).join(' and ')} as ${Object.values(config)[0] || '""'} is refused`, () => {
    assert.throws(() => createApp({ roots: 'x', ...config } as Config), { code: 'ERR_PYPI_CONFIG' })
  })
}
