import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyedQueue } from '#src/util/keyed-queue.js'

/** A task that writes down when it begins and ends, and ends when told. */
function controlledTask(
  name: string,
  diary: string[],
): { readonly task: () => Promise<string>; readonly end: () => void } {
  let end = (): void => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const task = async (): Promise<string> => {
    diary.push(`${name} begins`)
    await ended
    diary.push(`${name} ends`)
    return name
  }
  return { task, end }
}

test('tasks of one key run one after the other, in the order they came', async () => {
  const diary: string[] = []
  const queue = createKeyedQueue()
  const [a, b, c] = [controlledTask('a', diary), controlledTask('b', diary), controlledTask('c', diary)]
  const results = Promise.all([queue('key', a.task), queue('key', b.task), queue('key', c.task)])
  for (const { end } of [c, b, a]) end()
  assert.deepEqual(await results, ['a', 'b', 'c'])
  assert.deepEqual(diary, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
})

test('tasks of different keys run side by side', async () => {
  const diary: string[] = []
  const queue = createKeyedQueue()
  const [a, b] = [controlledTask('a', diary), controlledTask('b', diary)]
  const [first, second] = [queue('one', a.task), queue('other', b.task)]
  b.end()
  await second
  assert.deepEqual(diary, ['a begins', 'b begins', 'b ends'])
  a.end()
  assert.equal(await first, 'a')
})

test('a task that fails fails alone: the next one of its key runs', async () => {
  const queue = createKeyedQueue()
  const failed = queue('key', () => Promise.reject(new RangeError('broken')))
  const next = queue('key', async () => 'done')
  await assert.rejects(failed, RangeError)
  assert.equal(await next, 'done')
})

test('a key can be used again once its tasks have ended', async () => {
  const queue = createKeyedQueue()
  assert.equal(await queue('key', async () => 1), 1)
  assert.equal(await queue('key', async () => 2), 2)
})

test('a task that throws at once is a rejection and blocks nothing', async () => {
  const queue = createKeyedQueue()
  const thrower = (): Promise<never> => {
    throw new RangeError('broken')
  }
  await assert.rejects(queue('key', thrower), RangeError)
  const [running, failed] = [queue('key', async () => 'before'), queue('key', thrower)]
  await assert.rejects(failed, RangeError)
  assert.equal(await running, 'before')
  assert.equal(await queue('key', async () => 'after'), 'after')
})

test('a task may queue another for its own key and not wait for it', async () => {
  const queue = createKeyedQueue()
  const diary: string[] = []
  let inner: Promise<unknown> | undefined
  await queue('key', async () => {
    inner = queue('key', async () => diary.push('inner'))
    diary.push('outer')
  })
  await inner
  assert.deepEqual(diary, ['outer', 'inner'])
})
