import assert from 'node:assert/strict'
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { directory } from 'pypi-server'
import { createDisk, type Disk } from '#src/backends/directory/disk.js'
import type { DirectoryBatch } from '#src/backends/directory/disk-protocol.js'
import { directoryIdentity } from '#src/backends/directory/layout.js'
import { openProjectDocuments } from '#src/backends/directory/project-documents.js'
import { silentLogger } from '#src/logger.js'
import { normalizeName } from '#src/packaging/name.js'
import { createKeyedQueue } from '#src/util/keyed-queue.js'
import { syncDirectory } from '#src/util/sync-directory.js'
import { temporaryDirectory } from '../helpers/temporary.js'

// A directory that goes away while it is looked at was not seen to be empty.

function diskFor(t: TestContext): Disk {
  const disk = createDisk()
  t.after(() => disk.close())
  return disk
}

/** All batches of a scan; at the first one the root is renamed, and perhaps at a later one renamed back. */
async function scanWhileLeaving(disk: Disk, root: string): Promise<readonly DirectoryBatch[]> {
  const batches: DirectoryBatch[] = []
  await disk.ask({ kind: 'scan', root, directory: '', isRecursive: true, finds: 'states' }, (batch) => {
    if (batches.push(batch) === 1) renameSync(root, `${root}.away`)
  })
  return batches
}

test('a directory that goes away while it is read is told missing, and none of its files is', async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  mkdirSync(root)
  for (let index = 0; index < 1500; index += 1) writeFileSync(join(root, `demo-${index}.zip`), '')
  const batches = await scanWhileLeaving(diskFor(t), root)
  const { directory, problem } = batches.at(-1) ?? {}
  assert.deepEqual([directory, problem], ['', 'ENOENT'])
  assert.deepEqual(
    batches.filter(({ isLast, ...batch }) => isLast && batch.problem === undefined),
    [],
  )
})

test('a directory that goes away before its sub-directories are read takes none of them for gone', async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  for (const name of ['a', 'b', 'c']) mkdirSync(join(root, name), { recursive: true })
  const batches = await scanWhileLeaving(diskFor(t), root)
  assert.deepEqual(
    batches.filter(({ problem }) => problem !== undefined).map(({ directory, problem }) => [directory, problem]),
    [['', 'ENOENT']],
  )
})

test('what is not in a directory that took the place of the one that is known is not told gone', async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  mkdirSync(root)
  const known = directoryIdentity(statSync(root, { bigint: true }))
  const disk = diskFor(t)
  const look = { kind: 'look', root, directory: '', names: ['demo-1.0.zip'] } as const
  assert.deepEqual(await disk.ask({ ...look, inode: known }), [['demo-1.0.zip', 'gone']])
  renameSync(root, `${root}.away`)
  await assert.rejects(disk.ask({ ...look, inode: known }), { code: 'ENOENT' })
  mkdirSync(root)
  await assert.rejects(disk.ask({ ...look, inode: known }), { code: 'ESTALE' })
  assert.deepEqual(await disk.ask({ ...look, inode: '' }), [['demo-1.0.zip', 'gone']])
})

test('what is known of a project is not told to be nothing while its directory is away', async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  mkdirSync(root)
  const options = {
    root,
    queue: createKeyedQueue(),
    syncFolder: syncDirectory,
    logger: silentLogger,
    onChange: () => {},
  }
  const documents = openProjectDocuments(options)
  t.after(() => documents.close())
  const demo = normalizeName('demo')
  renameSync(root, `${root}.away`)
  await assert.rejects(documents.readNow(demo), { code: 'ERR_PYPI_STORE_UNAVAILABLE' })
  renameSync(`${root}.away`, root)
  assert.deepEqual(await documents.readNow(demo), { format: 1 })
})

test('a project is not told without the files of a directory that is missing, however many other files there are', async (t) => {
  const [root, missing] = [temporaryDirectory(t), join(temporaryDirectory(t), 'missing')]
  // More than are looked at before the first answer.
  for (let index = 0; index < 5100; index += 1) writeFileSync(join(root, `other${index}-1.0.zip`), '')
  writeFileSync(join(root, 'demo-1.0.zip'), 'demo')
  const backend = directory([root, missing])
  t.after(() => backend.close())
  const told = await Promise.allSettled(Array.from({ length: 3 }, () => backend.getProject(normalizeName('demo'))))
  const codes = told.map((one) => one.status === 'rejected' && one.reason.code)
  assert.deepEqual(
    codes,
    Array.from({ length: 3 }, () => 'ERR_PYPI_STORE_UNAVAILABLE'),
  )
})
