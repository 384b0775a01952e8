import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSlots } from '#src/util/slots.js'

const { signal } = new AbortController()
const refuse = (): Error => new Error('full')
const patient = { waitMs: Number.POSITIVE_INFINITY, refuse }

test('those who find no turn free wait, and get theirs in the order in which they came', async () => {
  const { take } = createSlots({ running: 1, waiting: 2, ...patient })
  const served: string[] = []
  const giveBack = await take(signal)
  const others = ['first', 'second'].map(async (name) => {
    const done = await take(signal)
    served.push(name)
    done()
  })
  assert.deepEqual(served, [])
  giveBack()
  await Promise.all(others)
  assert.deepEqual(served, ['first', 'second'])
  assert.ok(await take(signal))
})

test('those who find the queue full are refused at once', async () => {
  const { take } = createSlots({ running: 1, waiting: 1, ...patient })
  await take(signal)
  void take(signal)
  await assert.rejects(take(signal), /full/)
})

test('those who wait too long are refused, and leave their place to others', async (t) => {
  const alive = setInterval(() => {}, 1000)
  t.after(() => clearInterval(alive))
  const { take } = createSlots({ running: 1, waiting: 1, waitMs: 1, refuse })
  await take(signal)
  await assert.rejects(take(signal), /full/)
  await assert.rejects(take(signal), /full/)
})

test('those who go away while they wait leave their place to others, and take no turn', async () => {
  const { take } = createSlots({ running: 1, waiting: 1, ...patient })
  const giveBack = await take(signal)
  const gone = new AbortController()
  const waiting = take(gone.signal)
  gone.abort(new Error('gone'))
  await assert.rejects(waiting, /gone/)
  const next = take(signal)
  giveBack()
  assert.ok(await next)
  await assert.rejects(take(gone.signal), /gone/)
})
