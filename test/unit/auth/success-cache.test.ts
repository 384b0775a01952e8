import assert from 'node:assert/strict'
import { test } from 'node:test'
import { successCache } from '#src/auth/success-cache.js'

test('an entry is forgotten once its time is over, however often it was used', () => {
  const clock = { time: 1, now: () => clock.time }
  const cache = successCache<true>({ maxEntries: 10, ttlMs: 100, clock })
  cache.set('k', true)
  clock.time = 90
  assert.equal(cache.get('k'), true)
  clock.time = 102
  assert.equal(cache.get('k'), undefined)
})

test('the least recently used entry makes room', () => {
  const cache = successCache<true>({ maxEntries: 2, ttlMs: 1000 })
  cache.set('a', true)
  cache.set('b', true)
  cache.get('a')
  cache.set('c', true)
  assert.deepEqual([cache.get('a'), cache.get('b'), cache.get('c')], [true, undefined, true])
})

test('clearing forgets every entry', () => {
  const cache = successCache<true>({ maxEntries: 2, ttlMs: 1000 })
  cache.set('a', true)
  cache.clear()
  assert.equal(cache.get('a'), undefined)
})

test('keys differ by every part and by where the parts are divided', () => {
  const { key } = successCache<true>({ maxEntries: 2, ttlMs: 1000 })
  const keys = [key('a', 'b'), key('ab', ''), key('a\0b', 'c'), key('a', 'b\0c'), key('\ud800', ''), key('\ud801', '')]
  assert.equal(new Set(keys).size, keys.length)
  assert.equal(key('a', 'b'), keys[0])
})

test('a key holds no credential and is of no use in another cache', () => {
  const options = { maxEntries: 2, ttlMs: 1000 }
  const key = successCache<true>(options).key('user', 'password')
  assert.match(key, /^[0-9a-f]{64}$/)
  assert.notEqual(successCache<true>(options).key('user', 'password'), key)
})

test('limits that are no positive whole number are refused', () => {
  for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => successCache({ maxEntries: limit, ttlMs: 1 }), { code: 'ERR_PYPI_CONFIG' })
    assert.throws(() => successCache({ maxEntries: 1, ttlMs: limit }), { code: 'ERR_PYPI_CONFIG' })
  }
})
