import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { turnMemory } from '#src/util/turn-memory.js'

test('what was found out is known until the turn of the event loop ends', async (t) => {
  t.mock.method(performance, 'now', () => 1)
  const memory = turnMemory<string>()
  memory.set('a', 'found')
  assert.deepEqual([memory.get('a'), memory.get('b')], ['found', undefined])
  await Promise.resolve()
  assert.equal(memory.get('a'), 'found')
  await setImmediate()
  assert.equal(memory.get('a'), undefined)
})

test('in a long turn it is known for a millisecond, and anew from when it is found out again', (t) => {
  let nowMs = 1
  t.mock.method(performance, 'now', () => nowMs)
  const memory = turnMemory<string>()
  memory.set('a', 'found')
  nowMs = 2.5
  assert.equal(memory.get('a'), undefined)
  memory.set('a', 'again')
  nowMs = 3
  assert.equal(memory.get('a'), 'again')
})
