import assert from 'node:assert/strict'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Backend, type DirectoryBackend, directory, normalizeName } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = normalizeName('demo')
const first = wheel({ name: 'demo', version: '1.0' })
const second = wheel({ name: 'demo', version: '2.0' })
const other = wheel({ name: 'other', version: '1.0' })

function put(root: string, ...files: readonly { readonly filename: string; readonly bytes: Uint8Array }[]): void {
  for (const { filename, bytes } of files) writeFileSync(join(root, filename), bytes)
}

function opened(t: TestContext, root: string): DirectoryBackend {
  const backend = directory(root)
  t.after(() => backend.close())
  return backend
}

const journalOf = (root: string): string => join(root, '.pypi-server', 'journal.jsonl')

/** The serial on the page, once the page shows so many files. */
async function serialWith(backend: Backend, fileCount: number): Promise<number> {
  const shown = await eventually(async () => {
    const project = await backend.getProject(demo)
    return (project?.files ?? []).length === fileCount && project?.serial !== undefined && project
  })
  return shown ? (shown.serial ?? 0) : 0
}

/** The actions that mirrors hear of, once there are any. */
async function actionsSince(backend: DirectoryBackend, serial: number): Promise<readonly string[]> {
  await eventually(async () => (await backend.changesSince(serial)).length > 0)
  return (await backend.changesSince(serial)).map(({ project, action }) => `${project}: ${action}`)
}

test('files that are copied in and deleted by hand are counted, and mirrors hear of it without a page being read', async (t) => {
  const root = temporaryDirectory(t)
  put(root, first)
  const backend = opened(t, root)
  assert.deepEqual(await actionsSince(backend, 0), ['demo: create'])
  const created = (await backend.lastSerial()) ?? 0
  put(root, second)
  assert.deepEqual(await actionsSince(backend, created), ['demo: add file'])
  const added = (await backend.lastSerial()) ?? 0
  rmSync(join(root, first.filename))
  assert.deepEqual(await actionsSince(backend, added), ['demo: remove file'])
  const removed = (await backend.lastSerial()) ?? 0
  rmSync(join(root, second.filename))
  assert.deepEqual(await actionsSince(backend, removed), ['demo: remove project'])
  assert.ok(0 < created && created < added && added < removed)
})

test('what changed while no process ran is counted by the next one, and what did not change is not', async (t) => {
  const root = temporaryDirectory(t)
  put(root, first, other)
  const before = opened(t, root)
  const last = await eventually(async () => (await before.changesSince(0)).length === 2 && (await before.lastSerial()))
  assert.ok(last)
  await before.close()
  put(root, second)
  const after = opened(t, root)
  assert.deepEqual(await actionsSince(after, last), ['demo: add file'])
  assert.ok((await serialWith(after, 2)) > last)
})

test('a project that was deleted while no process ran is told to mirrors', async (t) => {
  const root = temporaryDirectory(t)
  put(root, first, other)
  const before = opened(t, root)
  const last = await eventually(async () => (await before.changesSince(0)).length === 2 && (await before.lastSerial()))
  assert.ok(last)
  await before.close()
  rmSync(join(root, first.filename))
  assert.deepEqual(await actionsSince(opened(t, root), last), ['demo: remove project'])
})

test('two processes on one directory agree on serials, whichever saw a change first', async (t) => {
  const root = temporaryDirectory(t)
  put(root, first)
  const [a, b] = [opened(t, root), opened(t, root)]
  for (const [count, file] of [
    [2, second],
    [3, wheel({ name: 'demo', version: '3.0' })],
  ] as const) {
    put(root, file)
    await Promise.all([serialWith(a, count), serialWith(b, count)])
    const isSame = async (): Promise<boolean> => (await serialWith(a, count)) === (await serialWith(b, count))
    assert.ok(await eventually(isSame), 'the processes tell different serials')
  }
  const isToldAlike = async (): Promise<boolean> =>
    JSON.stringify(await a.changesSince(0)) === JSON.stringify(await b.changesSince(0))
  assert.ok(await eventually(isToldAlike))
})

test('a mirror that has seen a serial on one process is never told less by another, in any order of reads', async (t) => {
  const root = temporaryDirectory(t)
  put(root, first)
  const [a, b] = [opened(t, root), opened(t, root)]
  const seen = new Map<number, string>()
  let highest = 0
  for (let round = 2; round < 8; round += 1) {
    put(root, wheel({ name: 'demo', version: `${round}.0` }))
    for (const backend of [a, b]) {
      const project = await backend.getProject(demo)
      const { serial = 0, files = [] } = project ?? {}
      const shown = files.map(({ filename, hashes }) => `${filename} ${hashes['sha256']}`).join()
      // One process never shows two states under one serial.
      const key = serial * 2 + Number(backend === b)
      assert.equal(seen.get(key) ?? shown, shown)
      seen.set(key, shown)
    }
    highest = Math.max(await serialWith(a, round), await serialWith(b, round), highest)
  }
  await eventually(async () => ((await b.lastSerial()) ?? 0) >= highest)
  assert.equal((await b.changesSince(0)).at(-1)?.serial, await b.lastSerial())
})

test('a line that a crash cut off takes nothing with it', async (t) => {
  const root = temporaryDirectory(t)
  put(root, first)
  const before = opened(t, root)
  const serial = await serialWith(before, 1)
  await before.close()
  appendFileSync(journalOf(root), '[1999999999,"demo","abc')
  const after = opened(t, root)
  assert.equal(await serialWith(after, 1), serial)
  put(root, second)
  assert.ok((await serialWith(after, 2)) > serial)
  await after.close()
  const again = opened(t, root)
  assert.ok((await serialWith(again, 2)) > serial)
})

test('a journal that was lost begins with the time, so that serials go on rising', async (t) => {
  const root = temporaryDirectory(t)
  put(root, first)
  const before = opened(t, root)
  const serial = await serialWith(before, 1)
  await before.close()
  rmSync(journalOf(root))
  const after = await serialWith(opened(t, root), 1)
  assert.ok(after >= serial && after > 1_700_000_000, `${after} comes after ${serial}`)
})

test('a journal is written anew when most of it is outdated, and says the same', async (t) => {
  const root = temporaryDirectory(t)
  put(root, first)
  const before = opened(t, root)
  const serial = await serialWith(before, 1)
  await before.close()
  appendFileSync(journalOf(root), '\n'.repeat(2000))
  const backend = opened(t, root)
  utimesSync(join(root, first.filename), 1_700_000_000, 1_700_000_000)
  const isCounted = async (): Promise<boolean> => ((await backend.lastSerial()) ?? 0) > serial
  assert.ok(await eventually(isCounted))
  assert.ok(readFileSync(journalOf(root), 'utf8').split('\n').length < 10)
  await backend.close()
  assert.ok((await serialWith(opened(t, root), 1)) > serial)
})

test('pages go on without serials where no journal can be kept', async (t) => {
  const root = temporaryDirectory(t)
  put(root, first)
  // A directory in its place: for root, too, no file can be written there.
  mkdirSync(journalOf(root), { recursive: true })
  const backend = opened(t, root)
  const project = await backend.getProject(demo)
  assert.deepEqual([project?.files.length, project?.serial], [1, undefined])
  assert.equal(await backend.lastSerial(), undefined)
})

test('projects of a disk that is gone are not told to be removed, and no journal begins on its mount point', async (t) => {
  const parent = temporaryDirectory(t)
  const [root, away] = [join(parent, 'root'), join(parent, 'away')]
  mkdirSync(root)
  put(root, first)
  const backend = opened(t, root)
  assert.deepEqual(await actionsSince(backend, 0), ['demo: create'])
  renameSync(root, away)
  mkdirSync(root)
  const isUnknown = { code: 'ERR_PYPI_STORE_UNAVAILABLE' }
  await eventually(() =>
    assert.rejects(backend.getProject(demo), isUnknown).then(
      () => true,
      () => false,
    ),
  )
  renameSync(root, join(parent, 'mount-point'))
  renameSync(away, root)
  await eventually(() => backend.getProject(demo).catch(() => undefined))
  await serialWith(backend, 1)
  assert.equal(existsSync(journalOf(join(parent, 'mount-point'))), false)
  assert.deepEqual(await actionsSince(backend, 0), ['demo: create'])
})

test('a yank by one process gives the project a higher serial in the other', async (t) => {
  const root = temporaryDirectory(t)
  put(root, first)
  const [server, command] = [opened(t, root), opened(t, root)]
  const before = await serialWith(server, 1)
  const [file] = (await command.getProject(demo))?.files ?? []
  assert.ok(file)
  await command.setYanked(file, { reason: 'broken' })
  await command.close()
  const isShown = async (): Promise<boolean> => {
    const { files = [], serial = 0 } = (await server.getProject(demo)) ?? {}
    return files[0]?.yanked?.reason === 'broken' && serial > before
  }
  assert.ok(await eventually(isShown))
})
