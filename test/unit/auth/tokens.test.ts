import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Auther } from '#src/auth/auther.js'
import { createToken, type NewToken, revokeToken } from '#src/auth/token-file.js'
import { newToken } from '#src/auth/token-format.js'
import { tokens } from '#src/auth/tokens.js'
import { temporaryDirectory } from '../../helpers/temporary.js'
import { context, recordingLogger } from './fixtures.js'

const unavailable = { code: 'ERR_PYPI_AUTH_UNAVAILABLE' }
const ci: NewToken = { name: 'ci', actions: ['upload'], projects: ['acme-*'] }

/** An auther over a token file that does not exist yet. */
function open(t: TestContext) {
  const path = join(temporaryDirectory(t), 'tokens.json')
  const logger = recordingLogger()
  return { path, logger, auther: tokens(path, { logger }) }
}

test('a token is accepted in every form in which clients send it, and in no other', async (t) => {
  const { path, auther } = open(t)
  const { token, id } = await createToken(path, ci)
  const identity = { name: 'token:ci', tokenId: id, scope: { actions: ['upload'], projects: ['acme-*'] } }
  for (const [username, password] of [
    ['__token__', token],
    ['bob', token],
    ['', token],
    [token, ''],
    ['__token__', ` ${token} `],
  ] as const) {
    assert.deepEqual(await auther(username, password, context), identity, `${username}:${password}`)
  }
  for (const [username, password] of [
    [token, 'x'],
    ['__token__', ''],
    ['', ''],
    ['__token__', token.slice('pypisrv_'.length)],
    ['__token__', token.toLowerCase()],
    ['token:ci', ''],
    [id, ''],
  ] as const) {
    assert.equal(await auther(username, password, context), false, `${username}:${password}`)
  }
})

test('an identity tells whose token it is', async (t) => {
  const { path, auther } = open(t)
  const { token } = await createToken(path, { ...ci, user: 'bob' })
  const identity = await auther('__token__', token)
  assert.ok(identity)
  assert.equal(identity.user, 'bob')
})

test('what is made and revoked counts with the next login', async (t) => {
  const { path, auther } = open(t)
  const { token } = await createToken(path, ci)
  assert.ok(await auther('__token__', token))
  const { token: second, id } = await createToken(path, { ...ci, name: 'second' })
  assert.ok(await auther('__token__', second))
  await revokeToken(path, id)
  assert.deepEqual([await auther('__token__', second), !!(await auther('__token__', token))], [false, true])
})

test('what is revoked long after it was last read counts with the next login', async (t) => {
  const { path, auther } = open(t)
  const { token } = await createToken(path, ci)
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 60_000 })
  for (const _ of [1, 2]) assert.ok(await auther('__token__', token))
  await revokeToken(path, 'ci')
  assert.equal(await auther('__token__', token), false)
})

test('a token is nobody from the millisecond on in which it expires', async (t) => {
  const { path, auther } = open(t)
  const expiresMs = Date.now() + 60_000
  const { token } = await createToken(path, { ...ci, expiresMs })
  t.mock.timers.enable({ apis: ['Date'], now: expiresMs - 1 })
  assert.ok(await auther('__token__', token))
  t.mock.timers.tick(1)
  assert.equal(await auther('__token__', token), false)
})

test('the log tells damaged, unknown and expired tokens apart, without the token', async (t) => {
  const { path, auther, logger } = open(t)
  const expiresMs = Date.now() + 60_000
  const { token } = await createToken(path, { ...ci, expiresMs })
  t.mock.timers.enable({ apis: ['Date'], now: expiresMs })
  for (const presented of [`${token}x`, newToken(), token]) await auther('__token__', presented)
  await auther('bob', 'password')
  assert.deepEqual(
    logger.records.map(({ details }) => details),
    [{ reason: 'damaged' }, { reason: 'unknown or revoked' }, { reason: 'expired', token: 'ci' }],
  )
})

test('a missing file means that there are no tokens', async (t) => {
  const { path, auther } = open(t)
  assert.equal(await auther('__token__', newToken()), false)
  const { token } = await createToken(path, ci)
  assert.ok(await auther('__token__', token))
  rmSync(path)
  assert.equal(await auther('__token__', token), false)
})

test('tokens cannot be told while the file is malformed or a directory; passwords need no file', async (t) => {
  const { path, auther } = open(t)
  const { token } = await createToken(path, ci)
  assert.ok(await auther('__token__', token))
  writeFileSync(path, '{"format": 1, "tokens": [')
  await assert.rejects(async () => auther('__token__', token), unavailable)
  assert.equal(await auther('bob', 'password'), false)
  assert.equal(await auther('__token__', `${token}x`), false)
  rmSync(path)
  mkdirSync(path)
  await assert.rejects(async () => auther('__token__', token), unavailable)
})

test('a closed auther refuses to tell', async (t) => {
  const { path, auther } = open(t)
  const { token } = await createToken(path, ci)
  const plain: Auther = auther
  await auther.close()
  await auther.close()
  await assert.rejects(async () => await plain('__token__', token, context), { code: 'ERR_PYPI_CLOSED' })
})
