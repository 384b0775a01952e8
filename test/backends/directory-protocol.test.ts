import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'

import { join } from 'node:path'
import { test } from 'node:test'

import { type DistributionFile, directory, type Logger, normalizeName } from 'pypi-server'
import { openAuditLog } from '#src/backends/directory/audit-log.js'
import { takeByRename } from '#src/backends/directory/publish.js'
import { record } from '#src/domain/record.js'
import { silentLogger } from '#src/logger.js'
import { whileLocked } from '#src/util/lock-file.js'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { serveIndex, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const entry = { action: 'yank', user: null, project: normalizeName('demo') } as const

async function onlyFile(backend: ReturnType<typeof directory>): Promise<DistributionFile> {
  const [file] = (await backend.getProject(normalizeName('demo')))?.files ?? []
  assert.ok(file)
  return file
}

test('of many that rename to one name under a lock exactly one gets it', async (t) => {
  const root = temporaryDirectory(t)
  const rivals = Array.from({ length: 20 }, (_, index) => String(index))
  for (const rival of rivals) writeFileSync(join(root, rival), rival)
  const outcomes = await Promise.allSettled(
    rivals.map((rival) =>
      whileLocked(join(root, 'lock'), (assertHeld) => takeByRename(assertHeld)(join(root, rival), join(root, 'name'))),
    ),
  )
  const winners = rivals.filter((_, index) => outcomes[index]?.status === 'fulfilled')
  assert.deepEqual([winners.length, readFileSync(join(root, 'name'), 'utf8')], [1, winners[0]])
  for (const outcome of outcomes) if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'EEXIST')
})

test('who has lost the lock gives no name away', async (t) => {
  const root = temporaryDirectory(t)
  writeFileSync(join(root, 'from'), '')
  const lost = async (): Promise<never> => {
    throw new Error('lost')
  }
  await assert.rejects(takeByRename(lost)(join(root, 'from'), join(root, 'to')), { message: 'lost' })
  assert.deepEqual(readdirSync(root), ['from'])
})

test('lines that are appended to the audit log at once are whole, also after one that was cut off', async (t) => {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, '.pypi-server'))
  writeFileSync(join(root, '.pypi-server', 'audit.jsonl'), '{"action":"pub')
  const logs = [openAuditLog(root), openAuditLog(root)]
  await Promise.all(Array.from({ length: 50 }, (_, index) => logs[index % 2]?.append({ ...entry, index })))
  const [torn, ...lines] = readFileSync(join(root, '.pypi-server', 'audit.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
  assert.equal(torn, '{"action":"pub')
  const indexes = lines.filter((line) => line !== '').map((line) => JSON.parse(line).index as number)
  assert.deepEqual(
    indexes.toSorted((a, b) => a - b),
    Array.from({ length: 50 }, (_, index) => index),
  )
})

test('a change that the audit log cannot take is told to the logger, and stands', async (t) => {
  const told: unknown[] = []
  const logger: Logger = { ...silentLogger, error: (details) => told.push(details) }
  const backend = { ...directory(temporaryDirectory(t)), audit: () => Promise.reject(new Error('full')) }
  await record({ backend, logger }, { ...entry, file: 'demo-1.0.zip' })
  assert.deepEqual(told, [{ ...entry, file: 'demo-1.0.zip', reason: 'full' }])
})

test('while the audit log cannot be written uploads are refused with 503 and not stored', async (t) => {
  const root = temporaryDirectory(t)
  const log = join(root, '.pypi-server', 'audit.jsonl')
  mkdirSync(join(root, '.pypi-server'))
  // A link to itself: nobody can write there, not even root.
  symlinkSync(log, log)
  const { post } = await serveIndex(t, { roots: root })
  const response = await post(uploadForm(demo))
  assert.deepEqual([response.status, existsSync(join(root, demo.filename))], [503, false])
  rmSync(log)
  assert.equal((await post(uploadForm(demo))).status, 200)
})

test('a yanked file that cannot be removed stays yanked', async (t) => {
  const root = temporaryDirectory(t)
  const { app, post } = await serveIndex(t, { roots: root })
  assert.equal((await post(uploadForm(demo))).status, 200)
  const backend = app.backend as ReturnType<typeof directory>
  await backend.setYanked(await onlyFile(backend), { reason: 'broken' })
  const path = join(root, demo.filename)
  const file = await onlyFile(backend)
  // A directory in its place is what unlink() refuses, whoever asks.
  renameSync(path, `${path}.away`)
  mkdirSync(path)
  await assert.rejects(backend.remove(file), { code: 'ERR_PYPI_STORE_UNAVAILABLE' })
  rmSync(path, { recursive: true })
  renameSync(`${path}.away`, path)
  const other = directory(root)
  t.after(() => other.close())
  assert.deepEqual((await onlyFile(other)).yanked, { reason: 'broken' })
  assert.equal(await backend.remove(await onlyFile(backend)), true)
  assert.equal((await post(uploadForm(demo))).status, 200)
  assert.equal((await onlyFile(backend)).yanked, undefined)
})

test('documents of projects are written where the next start removes what was left', async (t) => {
  const { root, post } = await serveIndex(t)
  assert.equal((await post(uploadForm(demo))).status, 200)
  assert.deepEqual(readdirSync(join(root, '.pypi-server', 'projects')), ['demo.json'])
  assert.deepEqual(readdirSync(join(root, '.pypi-server', 'locks')), [])
  assert.deepEqual(readdirSync(join(root, '.pypi-server', 'spool')), [])
})

test('a file of a directory that vanished just after it came is no missing file', async (t) => {
  for (let round = 0; round < 5; round += 1) {
    const root = join(temporaryDirectory(t), 'root')
    mkdirSync(root)
    const backend = directory(root)
    t.after(() => backend.close())
    await backend.check()
    writeFileSync(join(root, demo.filename), demo.bytes)
    const file = await eventually(() => onlyFile(backend).catch(() => undefined))
    // The notice of this one is under way when the directory goes.
    writeFileSync(join(root, demo.filename), demo.bytes)
    renameSync(root, `${root}.away`)
    await assert.rejects(
      async () => {
        for (let ask = 0; ask < 20; ask += 1) assert.ok(await backend.openFile(file), 'missing')
      },
      { code: 'ERR_PYPI_STORE_UNAVAILABLE' },
    )
  }
})
