import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, renameSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openDigestCache } from '#src/digests/digest-cache.js'
import { type DigestTail, followDigests } from '#src/digests/digest-tail.js'
import { silentLogger } from '#src/logger.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

function follow(t: TestContext): { path: string; tail: DigestTail; heard: string[] } {
  const path = join(temporaryDirectory(t), 'digests')
  const heard: string[] = []
  const tail = followDigests<string>(path, (file, identity, value) => heard.push(`${file} ${identity} ${value}`))
  t.after(() => tail.close())
  return { path, tail, heard }
}

async function write(path: string, file: string): Promise<void> {
  const cache = await openDigestCache<string>(path, silentLogger)
  cache.set(file, 'i', 'x')
  await cache.flush()
}

test('what others write is heard once, from the first line on', async (t) => {
  const { path, tail, heard } = follow(t)
  await tail.read()
  await write(path, 'a')
  await tail.read()
  await write(path, 'b')
  await Promise.all([tail.read(), tail.read()])
  assert.deepEqual(heard, ['a i x', 'b i x'])
})

test('nothing is missed when the file begins anew, nor when it is written anew', async (t) => {
  const { path, tail, heard } = follow(t)
  await write(path, 'a')
  await tail.read()
  await write(path, 'b')
  const cache = await openDigestCache<string>(path, silentLogger)
  const dropOlder = await cache.rotate()
  await dropOlder()
  cache.set('c', 'i', 'x')
  await cache.flush()
  await tail.read()
  assert.deepEqual(heard, ['a i x', 'b i x', 'c i x'])
  renameSync(path, `${path}.moved`)
  await write(path, 'd')
  rmSync(`${path}.moved`)
  await tail.read()
  assert.deepEqual(heard.slice(3), ['d i x'])
})

test('a line is heard once it is whole, and a damaged one never', async (t) => {
  const { path, tail, heard } = follow(t)
  await write(path, 'a')
  const whole = readFileSync(path)
  truncateSync(path, whole.length - 4)
  await tail.read()
  assert.deepEqual(heard, [])
  appendFileSync(path, whole.subarray(-4))
  appendFileSync(path, 'damaged\n')
  await write(path, 'b')
  await tail.read()
  assert.deepEqual(heard, ['a i x', 'b i x'])
})
