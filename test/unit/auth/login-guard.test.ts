import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Identity } from '#src/auth/auther.js'
import { createLoginGuard, type LoginGuard } from '#src/auth/login-guard.js'
import { silentLogger } from '#src/logger.js'

const here = '192.0.2.1'
const elsewhere = '192.0.2.2'
const refused = { code: 'ERR_PYPI_TOO_MANY_LOGINS' }

function guard(delayMs = 1): LoginGuard {
  return createLoginGuard({ maxFailuresPerMinute: 2, logger: silentLogger, delayMs })
}

/** A login that is right when its password is. */
async function login({ attempt }: LoginGuard, address: string | undefined, password: string): Promise<Identity | null> {
  const check = async (): Promise<Identity | null> => (password === 'right' ? { name: 'ann' } : null)
  return await attempt({ address, username: 'ann', password, check })
}

async function failTwice(logins: LoginGuard, address: string): Promise<void> {
  for (const password of ['a', 'b']) assert.equal(await login(logins, address, password), null)
}

test('an address may fail so many times in a minute, and then wrong logins are refused', async () => {
  const logins = guard()
  await failTwice(logins, here)
  await assert.rejects(login(logins, here, 'c'), refused)
})

test('right logins work also from an address that failed too often, and from all others without a delay', async () => {
  const logins = guard()
  await failTwice(logins, here)
  assert.deepEqual(await login(logins, here, 'right'), { name: 'ann' })
  const impatient = guard(3_600_000)
  await failTwice(impatient, here)
  assert.deepEqual(await login(impatient, elsewhere, 'right'), { name: 'ann' })
})

test('a login that was right after failures is not delayed within that minute', async () => {
  const logins = guard(3_600_000)
  assert.equal(await login(logins, here, 'a'), null)
  await login(logins, here, 'right')
  assert.equal(await login(logins, here, 'b'), null)
  assert.deepEqual(await login(logins, here, 'right'), { name: 'ann' })
})

test('a few logins wait for their delay, and more are refused at once', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const logins = guard(1000)
  await failTwice(logins, here)
  const waiting = Array.from({ length: 8 }, (_, number) => login(logins, here, String(number)))
  await assert.rejects(login(logins, here, 'right'), refused)
  t.mock.timers.tick(1000)
  for (const wrong of waiting) await assert.rejects(wrong, refused)
})

test('logins of one address that are looked at together are bounded before any of them has failed', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const logins = guard()
  let asked = 0
  const check = (): Promise<null> => {
    asked += 1
    return new Promise(() => {})
  }
  const attempt = (address: string): Promise<unknown> =>
    Promise.resolve(logins.attempt({ address, username: 'ann', password: 'x', check }))
  for (let count = 0; count < 300; count += 1) attempt(here).catch(() => {})
  assert.equal(asked, 128)
  void attempt(elsewhere)
  assert.equal(asked, 129)
})

test('an IPv6 network of one site is one address, and an IPv4 address is one in both of its spellings', async () => {
  for (const [first, second] of [
    ['2001:db8:0:1::1', '2001:db8::1:ffff:0:0:2'],
    ['fe80::1%eth0', 'fe80::2'],
    ['::ffff:192.0.2.9', '192.0.2.9'],
  ] as const) {
    const logins = guard()
    await failTwice(logins, first)
    await assert.rejects(login(logins, second, 'c'), refused, `${first} ${second}`)
  }
  const logins = guard()
  await failTwice(logins, '2001:db8:0:1::1')
  assert.equal(await login(logins, '2001:db8:0:2::1', 'c'), null)
})

test('without an address nothing is counted, and what a check throws is thrown', async () => {
  const logins = guard()
  for (let count = 0; count < 5; count += 1) assert.equal(await login(logins, undefined, 'x'), null)
  const check = async (): Promise<never> => {
    throw new Error('down')
  }
  for (let count = 0; count < 5; count += 1) {
    await assert.rejects(async () => logins.attempt({ address: here, username: 'ann', password: 'x', check }), /down/)
  }
  assert.equal(await login(logins, here, 'x'), null)
})
