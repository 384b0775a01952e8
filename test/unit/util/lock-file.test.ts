import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { whileLocked } from '#src/util/lock-file.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

test('works under one lock run one after the other', async (t) => {
  const path = join(temporaryDirectory(t), 'lock')
  let running = 0
  const work = async (assertHeld: () => Promise<void>): Promise<number> => {
    running += 1
    await assertHeld()
    return running--
  }
  assert.deepEqual(await Promise.all(Array.from({ length: 10 }, () => whileLocked(path, work))), Array(10).fill(1))
})

test('work that fails gives its lock back', async (t) => {
  const path = join(temporaryDirectory(t), 'lock')
  const failing = async (): Promise<never> => {
    throw new Error('no luck')
  }
  await assert.rejects(whileLocked(path, failing), { message: 'no luck' })
  assert.equal(await whileLocked(path, async () => 'next'), 'next')
})

test('who lost the lock to another is told so, and leaves the lock of the other alone', async (t) => {
  const path = join(temporaryDirectory(t), 'lock')
  const lost = whileLocked(path, async (assertHeld) => {
    rmSync(path)
    writeFileSync(path, 'other')
    await assertHeld()
  })
  await assert.rejects(lost, { code: 'ERR_PYPI_OVERLOADED' })
  assert.equal(readFileSync(path, 'utf8'), 'other')
})

for (const [what, seconds] of [
  ['long before', -3600],
  ['ahead of', 3600],
] as const) {
  test(`of many that find a lock from ${what} the present, each works alone`, { timeout: 10_000 }, async (t) => {
    const path = join(temporaryDirectory(t), 'lock')
    let running = 0
    const work = async (assertHeld: () => Promise<void>): Promise<number> => {
      running += 1
      await assertHeld()
      return running--
    }
    for (let round = 0; round < 20; round += 1) {
      writeFileSync(path, 'of a process that died')
      const time = Date.now() / 1000 + seconds
      utimesSync(path, time, time)
      const counts = await Promise.all(Array.from({ length: 10 }, () => whileLocked(path, work)))
      assert.deepEqual(counts, Array(10).fill(1))
    }
    assert.deepEqual(readdirSync(dirname(path)), [])
  })
}
