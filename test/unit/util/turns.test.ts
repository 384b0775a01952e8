import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createTurns } from '#src/util/turns.js'

test('pieces begin in a turn of the event loop until it is full, the others in the turns that follow, in their order', async () => {
  const turns = createTurns(100)
  const begun: string[] = []
  const begin = async (name: string, size: number): Promise<void> => {
    await turns.room(size)
    begun.push(name)
  }
  const all = Promise.all([begin('a', 60), begin('b', 60), begin('c', 60), begin('d', 60), begin('e', 60)])
  await setImmediate()
  const first = begun.join('')
  await all
  assert.deepEqual([first.slice(0, 2), begun.join('')], ['ab', 'abcde'])
  assert.ok(first.length < 5, 'nothing else could come in between')
})

test('a piece that is larger than a turn begins all the same, and alone', async () => {
  const turns = createTurns(10)
  assert.equal(turns.room(1000), undefined)
  assert.ok(turns.room(1) instanceof Promise)
  await setImmediate()
  await setImmediate()
  assert.equal(turns.room(1), undefined)
})
