import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
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

test('spool names say whose they are and never repeat', () => {
  const [kind, host, pid, random] = newSpoolName().split('.')
  assert.equal(kind, 'u')
  assert.match(host ?? '', /^[A-Za-z0-9-]+$/)
  assert.equal(pid, String(process.pid))
  assert.match(random ?? '', /^[0-9a-f]{16}$/)
  assert.notEqual(newSpoolName(), newSpoolName())
})

const host = hostname().replace(/[^A-Za-z0-9-]/g, '-')
const hourMs = 60 * 60 * 1000

/** A spooled file of someone's; tells whether it is there after cleaning up. */
async function survives(
  t: TestContext,
  { of: owner, ageMs = 0 }: { readonly of: string; readonly ageMs?: number },
): Promise<boolean> {
  const directory = temporaryDirectory(t)
  const path = join(directory, `u.${owner}.0123456789abcdef`)
  writeFileSync(path, 'half')
  const modified = new Date(Date.now() - ageMs)
  utimesSync(path, modified, modified)
  await removeDeadSpoolFiles(directory)
  return readdirSync(directory).length === 1
}

/** The number of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  assert.ok(child.pid !== undefined)
  return child.pid
}

test('a file of a process that has ended is removed', async (t) => {
  assert.equal(await survives(t, { of: `${host}.${await deadPid()}` }), false)
})

test('a file of another live process stays', async (t) => {
  assert.equal(await survives(t, { of: `${host}.${process.ppid}`, ageMs: 23 * hourMs }), true)
})

test('a file that a live process has not written to for a day is removed', async (t) => {
  assert.equal(await survives(t, { of: `${host}.${process.ppid}`, ageMs: 25 * hourMs }), false)
})

test('a file of another host stays for a day', async (t) => {
  assert.equal(await survives(t, { of: `other-${host}.${await deadPid()}`, ageMs: 23 * hourMs }), true)
  assert.equal(await survives(t, { of: `other-${host}.${process.ppid}`, ageMs: 25 * hourMs }), false)
})

test('a file of this process stays', async (t) => {
  assert.equal(await survives(t, { of: `${host}.${process.pid}` }), true)
})

test('a file with the number of this process from before its start is removed', async (t) => {
  const sinceStartMs = performance.now()
  assert.equal(await survives(t, { of: `${host}.${process.pid}`, ageMs: sinceStartMs + 10_000 }), false)
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
