import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharing } from '#src/util/sharing.js'

/** Work that tells its runs and ends when told. */
function controlledWork(): {
  readonly work: (key: string) => Promise<number>
  readonly runs: string[]
  readonly end: (outcome?: Error) => void
} {
  const runs: string[] = []
  const ends: ((outcome?: Error) => void)[] = []
  const work = (key: string): Promise<number> => {
    const run = runs.push(key)
    return new Promise((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve(run))))
  }
  return { work, runs, end: (outcome) => ends.shift()?.(outcome) }
}

test('who asks while work is under way shares the next run, never the one that began before', async () => {
  const { work, runs, end } = controlledWork()
  const shared = sharing(work)
  const first = shared('key')
  const others = Promise.all([shared('key'), shared('key'), shared('key')])
  assert.deepEqual(runs, ['key'])
  end()
  assert.equal(await first, 1)
  end()
  assert.deepEqual([await others, runs.length], [[2, 2, 2], 2])
})

test('work of other keys does not wait, and work that has ended begins anew', async () => {
  const { work, runs, end } = controlledWork()
  const shared = sharing(work)
  const both = Promise.all([shared('a'), shared('b')])
  assert.deepEqual(runs, ['a', 'b'])
  end()
  end()
  assert.deepEqual(await both, [1, 2])
  const again = shared('a')
  end()
  assert.equal(await again, 3)
})

test('a failure is told to those who shared the run, and to nobody who came later', async () => {
  const { work, end } = controlledWork()
  const shared = sharing(work)
  const first = shared('key')
  const [second, third] = [shared('key'), shared('key')]
  end(new Error('first'))
  await assert.rejects(first, /first/)
  end(new Error('second'))
  await assert.rejects(second, /second/)
  await assert.rejects(third, /second/)
  const last = shared('key')
  end()
  assert.equal(await last, 3)
})
