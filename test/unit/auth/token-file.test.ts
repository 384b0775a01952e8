import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { createToken, listTokens, type NewToken, revokeToken } from '#src/auth/token-file.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

const configError = { code: 'ERR_PYPI_CONFIG' }
const unavailable = { code: 'ERR_PYPI_AUTH_UNAVAILABLE' }
const ci: NewToken = { name: 'ci', actions: ['upload'], projects: ['acme-*'] }
const pathFor = (t: TestContext): string => join(temporaryDirectory(t), 'tokens.json')
const namesIn = async (path: string): Promise<readonly string[]> => (await listTokens(path)).map(({ name }) => name)

test('the file holds the hash of a token and never the token', async (t) => {
  const path = pathFor(t)
  const expiresMs = Date.now() + 60_000
  const { token, id } = await createToken(path, { ...ci, projects: ['Acme_*'], expiresMs, user: 'bob' })
  const text = readFileSync(path, 'utf8')
  const { format, tokens } = JSON.parse(text) as { format: number; tokens: { createdMs: number }[] }
  const createdMs = tokens[0]?.createdMs
  const sha256 = createHash('sha256').update(token).digest('hex')
  const expected = {
    id,
    name: 'ci',
    sha256,
    actions: ['upload'],
    projects: ['acme-*'],
    createdMs,
    expiresMs,
    user: 'bob',
  }
  assert.deepEqual([format, tokens], [1, [expected]])
  assert.doesNotMatch(text, new RegExp(token.slice(8, 48)))
})

test('the list tells everything of a token but its hash, the oldest first', async (t) => {
  const path = pathFor(t)
  const { id } = await createToken(path, ci)
  await createToken(path, { name: 'all', actions: 'all', projects: ['*'] })
  const [first, second] = await listTokens(path)
  assert.deepEqual(first, { id, ...ci, createdMs: first?.createdMs })
  assert.deepEqual([second?.name, second?.actions], ['all', 'all'])
})

test('without a file there are no tokens, and none to revoke', async (t) => {
  const path = pathFor(t)
  assert.deepEqual(await listTokens(path), [])
  assert.equal(await revokeToken(path, 'ci'), false)
  assert.deepEqual(readdirSync(dirname(path)), [])
})

test('a token is revoked by its name or its id', async (t) => {
  const path = pathFor(t)
  await createToken(path, ci)
  const { id } = await createToken(path, { ...ci, name: 'other' })
  await createToken(path, { ...ci, name: 'third' })
  assert.deepEqual([await revokeToken(path, 'ci'), await revokeToken(path, id)], [true, true])
  assert.deepEqual([await revokeToken(path, 'ci'), await namesIn(path)], [false, ['third']])
})

test('an id is taken for a name only where no token has that id', async (t) => {
  const path = pathFor(t)
  const { id } = await createToken(path, ci)
  await createToken(path, { ...ci, name: id })
  assert.equal(await revokeToken(path, id), true)
  assert.deepEqual(await namesIn(path), [id])
})

test('a name is taken until its token is revoked or has expired', async (t) => {
  const path = pathFor(t)
  await createToken(path, { ...ci, expiresMs: Date.now() + 1000 })
  await assert.rejects(createToken(path, ci), configError)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 2000 })
  await createToken(path, ci)
  assert.equal((await listTokens(path)).length, 1)
})

for (const [what, wrong] of [
  ['an empty name', { name: '' }],
  ['a name with a colon', { name: 'a:b' }],
  ['an unknown action', { actions: ['uplod'] }],
  ['"all" beside an action', { actions: ['all', 'list'] }],
  ['no action', { actions: [] }],
  ['no project', { projects: [] }],
  ['an empty project', { projects: [''] }],
  ['a project with brackets', { projects: ['[ab]c'] }],
  ['an expiry in the past', { expiresMs: Date.now() - 1 }],
  ['an expiry that is no number', { expiresMs: Number.NaN }],
  ['an empty user', { user: '' }],
] as const) {
  test(`a token with ${what} is not made`, async (t) => {
    const path = pathFor(t)
    await assert.rejects(createToken(path, { ...ci, ...wrong } as NewToken), configError)
    assert.deepEqual(readdirSync(dirname(path)), [])
  })
}

for (const [what, text, reason] of [
  ['no JSON', '{\n"format": 1,\n}', /line 3 /],
  ['of another format', '{"format": 2, "tokens": []}', /format is not 1/],
  ['without tokens', '{"format": 1}', /tokens is not a list/],
  ['with an unknown key', '{"format": 1, "tokens": [{"hosts": []}]}', /tokens\[0\]\.hosts is unknown/],
  ['with half a token', '{"format": 1, "tokens": [{"id": "0123456789ab"}]}', /tokens\[0\]\.name is not/],
] as const) {
  test(`a file that is ${what} is neither read nor changed`, async (t) => {
    const path = pathFor(t)
    writeFileSync(path, text)
    await assert.rejects(listTokens(path), { ...unavailable, message: reason })
    await assert.rejects(createToken(path, ci), unavailable)
    await assert.rejects(revokeToken(path, 'ci'), unavailable)
    assert.equal(readFileSync(path, 'utf8'), text)
  })
}

const isWindows = process.platform === 'win32' && 'Windows has no modes'

test('a new file is for its owner alone, the mode of an existing one stays', { skip: isWindows }, async (t) => {
  const path = pathFor(t)
  await createToken(path, ci)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  chmodSync(path, 0o640)
  await revokeToken(path, 'ci')
  assert.equal(statSync(path).mode & 0o777, 0o640)
  assert.deepEqual(readdirSync(dirname(path)), ['tokens.json'])
})

test('a symbolic link to the file stays one', { skip: isWindows }, async (t) => {
  const path = pathFor(t)
  mkdirSync(join(dirname(path), 'real'))
  writeFileSync(join(dirname(path), 'real', 'file.json'), '{"format": 1, "tokens": []}')
  symlinkSync('real/file.json', path)
  await createToken(path, ci)
  assert.match(readFileSync(join(dirname(path), 'real', 'file.json'), 'utf8'), /"ci"/)
})

test('a directory that does not exist is told as a file that cannot be written', async (t) => {
  await assert.rejects(createToken(join(temporaryDirectory(t), 'none', 'tokens.json'), ci), unavailable)
})

test('several processes that write at once lose nothing', async (t) => {
  const path = pathFor(t)
  const script = `
    import { createToken, revokeToken } from ${JSON.stringify(import.meta.resolve('#src/auth/token-file.js'))}
    const [path, writer] = process.argv.slice(1)
    const make = (name) => createToken(path, { name, actions: 'all', projects: ['*'] })
    await Promise.all([1, 2, 3, 4].map((number) => make(writer + number)))
    await Promise.all([1, 2].map((number) => revokeToken(path, writer + number)))
  `
  const run = (writer: string) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, path, writer], { timeout: 60_000 })
  await Promise.all(['a', 'b', 'c'].map(run))
  assert.deepEqual([...(await namesIn(path))].sort(), ['a3', 'a4', 'b3', 'b4', 'c3', 'c4'])
  assert.deepEqual(readdirSync(dirname(path)), ['tokens.json'])
})

test('a lock that a dead process left is broken after ten seconds', async (t) => {
  const path = pathFor(t)
  writeFileSync(`${path}.lock`, 'dead')
  const seconds = Date.now() / 1000 - 11
  utimesSync(`${path}.lock`, seconds, seconds)
  await createToken(path, ci)
  assert.deepEqual(readdirSync(dirname(path)), ['tokens.json'])
})
