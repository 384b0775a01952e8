import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { removeDeadLocks, whileLocked } from '#src/util/lock-file.js'
import { newOwnerName } from '#src/util/owner-name.js'
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

/** The name of a process of this machine that has ended. */
async function deadOwner(): Promise<string> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  const [host, namespace, , random] = newOwnerName().split('.')
  return [host, namespace, child.pid, random].join('.')
}

test('the lock of a process that was killed keeps nobody waiting', { timeout: 5000 }, async (t) => {
  const path = join(temporaryDirectory(t), 'lock')
  symlinkSync(await deadOwner(), path)
  assert.equal(await whileLocked(path, async () => 'mine'), 'mine')
  assert.deepEqual(readdirSync(dirname(path)), [])
})

test('of a directory of locks those of dead processes are removed, and no others', async (t) => {
  const directory = temporaryDirectory(t)
  for (const name of ['dead', 'guarded.break']) symlinkSync(await deadOwner(), join(directory, name))
  await whileLocked(join(directory, 'held'), async (assertHeld) => {
    await removeDeadLocks(directory)
    assert.deepEqual(readdirSync(directory), ['held'])
    await assertHeld()
  })
  assert.deepEqual(readdirSync(directory), [])
  await removeDeadLocks(join(directory, 'absent'))
})
