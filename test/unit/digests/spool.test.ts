import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { discard, newSpoolName, removeDeadSpoolFiles, spool } from '#src/digests/spool.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function* failing(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('some')
  throw new RangeError('the source is broken')
}

test('bytes are on disk and hashed when spooling is over', async (t) => {
  const directory = temporaryDirectory(t)
  const file = await spool(chunks('a', '', 'bc'), directory, ['md5', 'sha256'])
  assert.equal(readFileSync(file.path, 'utf8'), 'abc')
  assert.equal(file.size, 3)
  assert.deepEqual(file.hashes, {
    md5: '900150983cd24fb0d6963f7d28e17f72',
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  })
  assert.deepEqual(readdirSync(directory), [file.path.slice(directory.length + 1)])
})

test('nothing at all is spooled as an empty file', async (t) => {
  const file = await spool(chunks(), temporaryDirectory(t), ['md5'])
  assert.deepEqual([file.size, readFileSync(file.path).length], [0, 0])
})

test('the bytes of a file that is small enough are at hand, too, and those of a larger one are not', async (t) => {
  const directory = temporaryDirectory(t)
  const bytesOf = async (...texts: string[]): Promise<Uint8Array | undefined> =>
    (await spool(chunks(...texts), directory, ['md5'], { keptBytes: 4 })).bytes
  assert.deepEqual(await bytesOf('ab', 'cd'), Buffer.from('abcd'))
  assert.equal(await bytesOf('ab', 'cde'), undefined)
  assert.equal(await bytesOf('abcde', ''), undefined)
})

test('a source that fails is what spooling rejects with, and leaves nothing behind', async (t) => {
  const directory = temporaryDirectory(t)
  await assert.rejects(spool(failing(), directory, ['sha256']), RangeError)
  assert.deepEqual(readdirSync(directory), [])
})

test('an unknown algorithm leaves nothing behind', async (t) => {
  const directory = temporaryDirectory(t)
  await assert.rejects(spool(chunks('a'), directory, ['nope']), { code: 'ERR_PYPI_CONFIG' })
  assert.deepEqual(readdirSync(directory), [])
})

test('spooling into a directory that is not there tells that the store is not available', async (t) => {
  await assert.rejects(spool(chunks('a'), join(temporaryDirectory(t), 'absent'), []), {
    code: 'ERR_PYPI_STORE_UNAVAILABLE',
  })
})

test('a spooled file can be discarded twice', async (t) => {
  const directory = temporaryDirectory(t)
  const { path } = await spool(chunks('a'), directory, [])
  await discard(path)
  await discard(path)
  assert.deepEqual(readdirSync(directory), [])
})

/** A spooled file of someone's; tells whether it is there after cleaning up. */
async function survives(t: TestContext, owner: string): Promise<boolean> {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, `u.${owner}`), 'half')
  await removeDeadSpoolFiles(directory)
  return readdirSync(directory).length === 1
}

test('what a process that has ended was spooling is removed, and what this one spools stays', async (t) => {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  const [kind, host, namespace, pid, random] = newSpoolName().split('.')
  assert.deepEqual([kind, pid], ['u', String(process.pid)])
  assert.equal(await survives(t, [host, namespace, child.pid, random].join('.')), false)
  assert.equal(await survives(t, [host, namespace, pid, random].join('.')), true)
})

test('a file that is being spooled outlives cleaning up', async (t) => {
  const directory = temporaryDirectory(t)
  async function* source(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('a')
    await removeDeadSpoolFiles(directory)
    yield Buffer.from('b')
  }
  const { path } = await spool(source(), directory, [])
  assert.equal(readFileSync(path, 'utf8'), 'ab')
})

test('files of others in the directory stay while they are young', async (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, 'README'), '')
  await removeDeadSpoolFiles(directory)
  assert.deepEqual(readdirSync(directory), ['README'])
})

test('where there is no directory there is nothing to clean up', async (t) => {
  await removeDeadSpoolFiles(join(temporaryDirectory(t), 'absent'))
})
