import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Auther } from '#src/auth/auther.js'
import { anyOf, cached } from '#src/auth/combine.js'
import { context } from './fixtures.js'

const nobody: Auther = () => null
const failing: Auther = () => Promise.reject(new RangeError('directory is down'))
const throwing: Auther = () => {
  throw new TypeError('directory is broken')
}
const only =
  (name: string): Auther =>
  (username) =>
    username === name && { name }

test('the first auther that says yes decides', async () => {
  const auther = anyOf(only('a'), only('b'), () => true)
  assert.deepEqual(await auther('b', '', context), { name: 'b' })
  assert.equal(await auther('c', '', context), true)
})

test('nobody is known when every auther says no, or there is none', async () => {
  assert.equal(await anyOf(nobody, only('a'))('b', '', context), false)
  assert.equal(await anyOf()('b', '', context), false)
})

test('an auther that fails does not stand in the way of a yes from the next', async () => {
  assert.equal(await anyOf(failing, throwing, () => true)('a', '', context), true)
})

test('without a yes the first failure is the answer', async () => {
  await assert.rejects(async () => anyOf(nobody, failing, throwing)('a', '', context), RangeError)
  await assert.rejects(async () => anyOf(throwing, nobody)('a', '', context), TypeError)
})

test('authers behind the first yes are not asked', async () => {
  assert.equal(
    await anyOf(
      () => true,
      () => assert.fail(),
    )('a', '', context),
    true,
  )
})

/** Says yes to the password `right`, fails at `down`, and lists what it was asked. */
function recording(): { readonly asked: string[]; readonly auther: Auther } {
  const asked: string[] = []
  const auther: Auther = async (username, password) => {
    asked.push(`${username}/${password}`)
    if (password === 'down') throw new RangeError('directory is down')
    return password === 'right' && { name: username }
  }
  return { asked, auther }
}

test('a success is reused for the same user and password only', async () => {
  const { asked, auther } = recording()
  const remembering = cached(auther)
  assert.deepEqual(await remembering('a', 'right', context), { name: 'a' })
  assert.deepEqual(await remembering('a', 'right', context), { name: 'a' })
  assert.equal(await remembering('a', 'wrong', context), false)
  assert.deepEqual(await remembering('b', 'right', context), { name: 'b' })
  assert.deepEqual(asked, ['a/right', 'a/wrong', 'b/right'])
})

test('neither a refusal nor a failure is remembered', async () => {
  const { asked, auther } = recording()
  const remembering = cached(auther)
  for (const _ of [1, 2]) {
    assert.equal(await remembering('a', 'wrong', context), false)
    await assert.rejects(async () => remembering('a', 'down', context), RangeError)
  }
  assert.equal(asked.length, 4)
})

test('no more successes are remembered than allowed', async () => {
  const { asked, auther } = recording()
  const remembering = cached(auther, { maxEntries: 1 })
  for (const user of ['a', 'b', 'a']) await remembering(user, 'right', context)
  assert.deepEqual(asked, ['a/right', 'b/right', 'a/right'])
})

test('a cache without room or time is refused at once', () => {
  assert.throws(() => cached(nobody, { maxEntries: 0 }), { code: 'ERR_PYPI_CONFIG' })
  assert.throws(() => cached(nobody, { ttlMs: 0 }), { code: 'ERR_PYPI_CONFIG' })
})
