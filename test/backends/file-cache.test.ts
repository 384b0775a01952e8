import assert from 'node:assert/strict'
import {
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { OpenedFile } from '#src/backend.js'
import { createFileCache, type FileCache, type FileCacheOptions } from '#src/backends/directory/file-cache.js'
import { openPath } from '#src/backends/directory/open-file.js'
import { isByteReader, readWhole } from '#src/util/byte-reader.js'
import { eventually } from '../helpers/eventually.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const [ext4, tmpfs, overlay, xfs, btrfs] = [0xef53, 0x01021994, 0x794c7630, 0x58465342, 0x9123683e]
const isKept = process.platform === 'linux' && [ext4, tmpfs, overlay, xfs, btrfs].includes(statfsSync(tmpdir()).type)
const skip = !isKept && 'files are kept on Linux, on local file systems only'
const largeBytes = 300_000

interface Setting {
  readonly cache: FileCache
  readonly path: string
  readonly open: (path?: string) => Promise<OpenedFile | undefined>
}

/** A file in a cache's reach, at a time when it has not been written to for long. */
function setting(t: TestContext, size: number, bounds: Partial<FileCacheOptions> = {}): Setting {
  const path = join(temporaryDirectory(t), 'file')
  writeFileSync(path, Buffer.alloc(size, 'a'))
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() + 10_000 })
  const cache = createFileCache({ maxBytes: 1_000_000, maxDescriptors: 8, ...bounds })
  t.after(() => cache.close())
  return { cache, path, open: (other = path) => openPath(other, cache, ({ identity }) => identity, {}) }
}

/** Opens the file until the cache has it, which needs to know the file system first. */
async function warm({ cache, path, open }: Setting, other = path): Promise<void> {
  await eventually(async () => {
    await textOf(await open(other))
    return cache.get(other) !== undefined
  })
}

async function textOf(opened: OpenedFile | undefined): Promise<string | undefined> {
  if (opened === undefined) return undefined
  const { body } = opened
  assert.ok(body instanceof Uint8Array || isByteReader(body))
  return Buffer.from(isByteReader(body) ? await readWhole(body) : body).toString()
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** What can happen to a file behind a server's back; each leaves size and modification time as they were, if it can. */
const changes: Readonly<Record<string, (path: string, bytes: Buffer) => void>> = {
  'written over in place': (path, bytes) => writeFileSync(path, bytes),
  'replaced by a rename': (path, bytes) => {
    writeFileSync(`${path}.new`, bytes)
    renameSync(`${path}.new`, path)
  },
  'replaced by a link to another file': (path, bytes) => {
    writeFileSync(`${path}.new`, bytes)
    rmSync(path)
    symlinkSync(`${path}.new`, path)
  },
}

for (const [size, what] of [
  [2000, 'small'],
  [largeBytes, 'large'],
] as const) {
  for (const [how, change] of Object.entries(changes)) {
    test(`a ${what} file that was ${how} is not served from the cache, with size and time as before`, {
      skip,
    }, async (t) => {
      const file = setting(t, size)
      await warm(file)
      const { atime, mtime } = statSync(file.path)
      change(file.path, Buffer.alloc(size, 'b'))
      utimesSync(file.path, atime, mtime)
      assert.equal(await textOf(await file.open()), 'b'.repeat(size))
    })
  }

  test(`a ${what} file that was cut off, touched or removed is not served from the cache`, { skip }, async (t) => {
    const file = setting(t, size)
    await warm(file)
    truncateSync(file.path, 10)
    assert.equal(await textOf(await file.open()), 'a'.repeat(10))
    await warm(file)
    utimesSync(file.path, 1, 1)
    assert.equal((await file.open())?.modifiedMs, 1000)
    rmSync(file.path)
    assert.equal(await file.open(), undefined)
  })

  test(`a ${what} file that changed a moment ago is not kept: it could change again at the same time`, async (t) => {
    const file = setting(t, size)
    const other = `${file.path}.other`
    writeFileSync(other, Buffer.alloc(size, 'a'))
    await eventually(async () => {
      await textOf(await file.open(other))
      return !isKept || file.cache.get(other) !== undefined
    })
    t.mock.timers.setTime(Math.ceil(statSync(file.path).ctimeMs) + 1000)
    await textOf(await file.open())
    assert.equal(file.cache.get(file.path), undefined)
  })
}

test('the bytes of small files are kept up to the bound, the file used last stays', { skip }, async (t) => {
  const file = setting(t, 20_000, { maxBytes: 50_000 })
  const paths = ['1', '2', '3'].map((name) => `${file.path}.${name}`)
  for (const path of paths) writeFileSync(path, Buffer.alloc(20_000, 'a'))
  t.mock.timers.setTime(Date.now() + 10_000)
  for (const path of paths) await warm(file, path)
  assert.deepEqual(
    paths.map((path) => file.cache.get(path) !== undefined),
    [false, true, true],
  )
})

test('large files stay open up to the bound, and none after close', { skip }, async (t) => {
  const file = setting(t, largeBytes, { maxDescriptors: 2 })
  const before = openDescriptors()
  for (const name of ['1', '2', '3', '4']) writeFileSync(`${file.path}.${name}`, Buffer.alloc(largeBytes, 'a'))
  t.mock.timers.setTime(Date.now() + 10_000)
  for (const name of ['1', '2', '3', '4']) await warm(file, `${file.path}.${name}`)
  await eventually(() => openDescriptors() === before + 2)
  file.cache.close()
  await eventually(() => openDescriptors() === before)
})

test('a file that is being read stays open when the cache lets go of it', { skip }, async (t) => {
  const file = setting(t, largeBytes)
  await warm(file)
  const opened = await file.open()
  file.cache.close()
  rmSync(file.path)
  assert.equal(await textOf(opened), 'a'.repeat(largeBytes))
})

test('a large file that is written to while it is read never ends as if it were whole', async (t) => {
  const file = setting(t, largeBytes)
  const opened = await file.open()
  assert.ok(isByteReader(opened?.body))
  await opened.body.readInto(new Uint8Array(1000))
  writeFileSync(file.path, Buffer.alloc(largeBytes, 'b'))
  await assert.rejects(readWhole(opened.body), { code: 'ERR_PYPI_STORE_UNAVAILABLE' })
})

test('a file that another name is given to while it is read is still the same', async (t) => {
  const file = setting(t, largeBytes)
  const opened = await file.open()
  renameSync(file.path, `${file.path}.elsewhere`)
  assert.equal(await textOf(opened), 'a'.repeat(largeBytes))
})
