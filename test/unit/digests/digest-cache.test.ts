import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDigestCache } from '#src/digests/digest-cache.js'
import { type Logger, silentLogger } from '#src/logger.js'
import { eventually } from '../../helpers/eventually.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

/** The warnings that were logged, as they come. */
function recordWarnings(): { readonly logger: Logger; readonly warnings: readonly string[] } {
  const warnings: string[] = []
  return { logger: { ...silentLogger, warn: (_details, message) => void warnings.push(message) }, warnings }
}

/** A cache file with these values, all of identity `i`. */
async function writeCache(path: string, values: Readonly<Record<string, string>>): Promise<void> {
  const cache = await openDigestCache<string>(path, silentLogger)
  for (const [file, value] of Object.entries(values)) cache.set(file, 'i', value)
  await cache.flush()
}

/** What a newly opened cache remembers of these files. */
async function remembered(path: string, ...files: readonly string[]): Promise<readonly (string | undefined)[]> {
  const cache = await openDigestCache<string>(path, silentLogger)
  return files.map((file) => cache.get(file, 'i'))
}

test('what was remembered is found for exactly the state it was remembered for', async (t) => {
  const cache = await openDigestCache<{ sha256: string }>(join(temporaryDirectory(t), 'cache'), silentLogger)
  cache.set('a.whl', '1:2:3', { sha256: 'ff' })
  assert.deepEqual(cache.get('a.whl', '1:2:3'), { sha256: 'ff' })
  assert.equal(cache.get('a.whl', '1:2:4'), undefined)
  assert.equal(cache.get('b.whl', '1:2:3'), undefined)
})

test('a newer state of a file replaces the older', async (t) => {
  const cache = await openDigestCache<string>(join(temporaryDirectory(t), 'cache'), silentLogger)
  cache.set('a.whl', 'old', 'x')
  cache.set('a.whl', 'new', 'y')
  assert.deepEqual([cache.get('a.whl', 'old'), cache.get('a.whl', 'new')], [undefined, 'y'])
})

test('what was remembered survives closing and opening, the newest of each file', async (t) => {
  const path = join(temporaryDirectory(t), 'folder', 'cache')
  await writeCache(path, { 'a.whl': 'x', 'ü\n"\u2028.whl': 'line\nbreak' })
  await writeCache(path, { 'a.whl': 'y' })
  assert.deepEqual(await remembered(path, 'a.whl', 'ü\n"\u2028.whl'), ['y', 'line\nbreak'])
})

test('what was remembered gets written without anyone asking', async (t) => {
  const path = join(temporaryDirectory(t), 'cache')
  const cache = await openDigestCache<string>(path, silentLogger)
  cache.set('a.whl', 'i', 'x')
  await eventually(async () => (await remembered(path, 'a.whl'))[0] === 'x')
})

test('opening alone writes nothing', async (t) => {
  const directory = temporaryDirectory(t)
  const cache = await openDigestCache<string>(join(directory, 'cache'), silentLogger)
  await cache.flush()
  assert.deepEqual(readdirSync(directory), [])
})

test('a damaged line is forgotten, the others are not', async (t) => {
  const path = join(temporaryDirectory(t), 'cache')
  await writeCache(path, { 'a.whl': 'one', 'b.whl': 'two', 'c.whl': 'three' })
  writeFileSync(path, readFileSync(path, 'utf8').replace('two', 'tow'))
  assert.deepEqual(await remembered(path, 'a.whl', 'b.whl', 'c.whl'), ['one', undefined, 'three'])
})

test('a last line that was cut off is forgotten, the lines before it are not', async (t) => {
  const path = join(temporaryDirectory(t), 'cache')
  await writeCache(path, { 'a.whl': 'one', 'b.whl': 'two' })
  truncateSync(path, readFileSync(path).length - 5)
  assert.deepEqual(await remembered(path, 'a.whl', 'b.whl'), ['one', undefined])
})

test('what is remembered after a line that was cut off is found again', async (t) => {
  const path = join(temporaryDirectory(t), 'cache')
  await writeCache(path, { 'a.whl': 'one' })
  truncateSync(path, readFileSync(path).length - 5)
  await writeCache(path, { 'b.whl': 'two' })
  assert.deepEqual(await remembered(path, 'a.whl', 'b.whl'), [undefined, 'two'])
})

test('garbage of others is skipped', async (t) => {
  const path = join(temporaryDirectory(t), 'cache')
  await writeCache(path, { 'a.whl': 'one' })
  const garbage = Buffer.from([0xff, 0x00, 0x0a, 0x7b, 0x0a, 0x0a])
  appendFileSync(path, Buffer.concat([garbage, Buffer.from('deadbeef ["b.whl","i","x"]\n["b.whl","i","x"]\n')]))
  await writeCache(path, { 'c.whl': 'three' })
  assert.deepEqual(await remembered(path, 'a.whl', 'b.whl', 'c.whl'), ['one', undefined, 'three'])
})

test('a directory in place of the file remembers nothing', async (t) => {
  const cache = await openDigestCache<string>(temporaryDirectory(t), silentLogger)
  assert.equal(cache.get('a.whl', 'i'), undefined)
})

test('compacting forgets files that are not kept', async (t) => {
  const cache = await openDigestCache<string>(join(temporaryDirectory(t), 'cache'), silentLogger)
  cache.set('a.whl', 'i', 'x')
  cache.set('b.whl', 'i', 'y')
  await cache.compact((file) => file === 'a.whl')
  assert.deepEqual([cache.get('a.whl', 'i'), cache.get('b.whl', 'i')], ['x', undefined])
})

test('compacting rewrites a file of which most is outdated', async (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'cache')
  const cache = await openDigestCache<number>(path, silentLogger)
  for (let index = 0; index < 500; index += 1) cache.set(`${index % 2}.whl`, `i${index}`, index)
  await cache.flush()
  const before = readFileSync(path).length
  await cache.compact(() => true)
  assert.ok(readFileSync(path).length < before / 100)
  const again = await openDigestCache<number>(path, silentLogger)
  assert.deepEqual([again.get('0.whl', 'i498'), again.get('1.whl', 'i499')], [498, 499])
  assert.deepEqual(readdirSync(directory), ['cache'])
})

test('compacting leaves a file alone of which most is in use', async (t) => {
  const path = join(temporaryDirectory(t), 'cache')
  await writeCache(path, { 'a.whl': 'x', 'b.whl': 'y' })
  const before = readFileSync(path, 'utf8')
  const cache = await openDigestCache<string>(path, silentLogger)
  await cache.compact(() => true)
  assert.equal(readFileSync(path, 'utf8'), before)
})

test('what is remembered while the file is rewritten is not lost', async (t) => {
  const path = join(temporaryDirectory(t), 'cache')
  const cache = await openDigestCache<string>(path, silentLogger)
  for (let index = 0; index < 200; index += 1) cache.set('a.whl', `i${index}`, 'x')
  const compacted = cache.compact(() => true)
  cache.set('b.whl', 'i', 'y')
  await Promise.all([compacted, cache.flush()])
  await cache.flush()
  assert.deepEqual(await remembered(path, 'b.whl'), ['y'])
})

test('a cache that cannot be written is told once and goes on in memory', async (t) => {
  const directory = temporaryDirectory(t)
  // Not even root can make a directory below a file.
  writeFileSync(join(directory, 'file'), '')
  const { logger, warnings } = recordWarnings()
  const cache = await openDigestCache<string>(join(directory, 'file', 'cache'), logger)
  for (const file of ['a.whl', 'b.whl']) {
    cache.set(file, 'i', 'x')
    await cache.flush()
  }
  assert.equal(warnings.length, 1)
  assert.deepEqual([cache.get('a.whl', 'i'), cache.get('b.whl', 'i')], ['x', 'x'])
})

test('what could not be written is written once it can be', async (t) => {
  const path = join(temporaryDirectory(t), 'cache')
  const cache = await openDigestCache<string>(path, silentLogger)
  mkdirSync(path)
  cache.set('a.whl', 'i', 'x')
  await cache.flush()
  rmdirSync(path)
  cache.set('b.whl', 'i', 'y')
  await cache.flush()
  assert.deepEqual(await remembered(path, 'a.whl', 'b.whl'), ['x', 'y'])
})

test('after a rotation the old file counts until it is dropped', async (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'cache')
  await writeCache(path, { 'a.whl': 'x' })
  const cache = await openDigestCache<string>(path, silentLogger)
  const drop = await cache.rotate()
  cache.set('b.whl', 'i', 'y')
  await cache.flush()
  assert.deepEqual(await remembered(path, 'a.whl', 'b.whl'), ['x', 'y'])
  assert.equal(cache.written(), 2)
  await drop()
  assert.deepEqual(await remembered(path, 'a.whl', 'b.whl'), [undefined, 'y'])
  assert.equal(cache.written(), 1)
})

test('a rotation that was cut off loses nothing', async (t) => {
  const path = join(temporaryDirectory(t), 'cache')
  await writeCache(path, { 'a.whl': 'x' })
  await (await openDigestCache<string>(path, silentLogger)).rotate()
  const cache = await openDigestCache<string>(path, silentLogger)
  cache.set('b.whl', 'i', 'y')
  await cache.rotate()
  assert.deepEqual(await remembered(path, 'a.whl', 'b.whl'), ['x', 'y'])
})

test('what was let go of is not found any more, and what is set then is only written', async (t) => {
  const path = join(temporaryDirectory(t), 'cache')
  await writeCache(path, { 'a.whl': 'x' })
  const cache = await openDigestCache<string>(path, silentLogger)
  cache.release()
  cache.set('b.whl', 'i', 'y')
  await cache.flush()
  assert.deepEqual([cache.get('a.whl', 'i'), cache.get('b.whl', 'i')], [undefined, undefined])
  assert.deepEqual(await remembered(path, 'a.whl', 'b.whl'), ['x', 'y'])
})
