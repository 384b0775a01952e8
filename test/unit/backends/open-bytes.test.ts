import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describePart, openBytes } from 'pypi-server'

const bytes = Buffer.from('abcdef')
const state = { etag: 'x', modifiedMs: 1_700_000_000_500 }

test('a range of bytes in memory is a view of exactly these, its end clamped', () => {
  const opened = openBytes(bytes, state, { range: { start: 4, end: 99 } })
  assert.deepEqual(opened, { size: 6, ...state, range: { start: 4, end: 5 }, body: bytes.subarray(4) })
})

test('bytes in memory that are only described have no body', () => {
  const described = openBytes(bytes, state, { range: { suffix: 2 }, describeOnly: true })
  assert.deepEqual(described, { size: 6, ...state, range: { start: 4, end: 5 } })
})

test('bytes without a validator are named by their SHA-256', () => {
  const { etag } = openBytes(bytes, { modifiedMs: 0 })
  assert.equal(etag, 'bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721')
})

test('a condition that does not hold means the whole, also for a range that lies outside', () => {
  const range = { start: 6 }
  assert.deepEqual(describePart({ size: 6, ...state }, { range, ifRange: '"y"' }), { size: 6, ...state })
  const second = new Date(1_700_000_000_000).toUTCString()
  assert.throws(() => describePart({ size: 6, ...state }, { range, ifRange: second }), { cause: { size: 6 } })
})

test('a range outside of a part is refused with the size, which the answer tells', () => {
  assert.throws(() => openBytes(bytes, state, { range: { start: 6 } }), {
    code: 'ERR_PYPI_RANGE_NOT_SATISFIABLE',
    cause: { size: 6 },
  })
})
