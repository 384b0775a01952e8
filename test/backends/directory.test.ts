import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import {
  appendFileSync,
  type BigIntStats,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  type DirectoryBackend,
  type DirectoryOptions,
  type DistributionFile,
  directory,
  type Logger,
  normalizeName,
  silentLogger,
  uploadedProjects,
} from 'pypi-server'
import { fileState } from '#src/backends/directory/layout.js'
import { newSpoolName } from '#src/digests/spool.js'
import { isByteReader, readWhole } from '#src/util/byte-reader.js'
import { sdist, wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const changed = wheel({ name: 'demo', version: '1.0', files: { 'demo/new.py': '' } })
const unavailable = { code: 'ERR_PYPI_STORE_UNAVAILABLE' }
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const put = (root: string, { filename, bytes }: { filename: string; bytes: Uint8Array }): void =>
  writeFileSync(join(root, filename), bytes)
const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

function open(t: TestContext, roots: string | readonly string[], options: DirectoryOptions = {}): DirectoryBackend {
  const backend = directory(roots, options)
  t.after(() => backend.close())
  return backend
}

async function filesOf(backend: DirectoryBackend, project = 'demo'): Promise<readonly DistributionFile[]> {
  return (await backend.getProject(normalizeName(project)))?.files ?? []
}

async function namesOf(backend: DirectoryBackend): Promise<readonly string[]> {
  const names: string[] = []
  for await (const page of backend.listProjects()) names.push(...page.map(({ name }) => name))
  return names.sort()
}

function hasFiles(backend: DirectoryBackend, count: number): () => Promise<boolean> {
  return () =>
    filesOf(backend).then(
      (files) => files.length === count,
      () => false,
    )
}

/** A logger that keeps the messages it hears. */
function listening(): { readonly logger: Logger; readonly heard: string[] } {
  const heard: string[] = []
  const hear = (details: object, message: string): void => void heard.push(`${message} ${JSON.stringify(details)}`)
  return { heard, logger: { ...silentLogger, info: hear, warn: hear } }
}

test('making a backend touches nothing', (t) => {
  const root = join(temporaryDirectory(t), 'missing')
  open(t, root)
  assert.equal(isThere(root), false)
})

test('files are found in nested directories, hidden ones are not', async (t) => {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, 'a', 'b'), { recursive: true })
  mkdirSync(join(root, '.hidden'))
  put(join(root, 'a', 'b'), demo)
  put(join(root, '.hidden'), wheel({ name: 'secret', version: '1' }))
  writeFileSync(join(root, 'README.txt'), 'no distribution file')
  const backend = open(t, root)
  assert.deepEqual(await namesOf(backend), ['demo'])
  assert.equal((await filesOf(backend))[0]?.path, `a/b/${demo.filename}`)
})

test('a wheel copied into the directory shows by itself, and one that is deleted goes', async (t) => {
  const root = temporaryDirectory(t)
  const backend = open(t, root)
  assert.deepEqual(await namesOf(backend), [])
  put(root, demo)
  await eventually(hasFiles(backend, 1))
  assert.deepEqual((await filesOf(backend))[0]?.hashes, { sha256: sha256(demo.bytes) })
  unlinkSync(join(root, demo.filename))
  await eventually(async () => (await namesOf(backend)).length === 0)
  assert.equal(await backend.getProject(normalizeName('demo')), undefined)
})

test('a directory moved in shows with its files, and goes when it is moved out', async (t) => {
  const [root, outside] = [temporaryDirectory(t), temporaryDirectory(t)]
  mkdirSync(join(outside, 'new', 'deep'), { recursive: true })
  put(join(outside, 'new', 'deep'), demo)
  const backend = open(t, root)
  await backend.check()
  renameSync(join(outside, 'new'), join(root, 'new'))
  await eventually(hasFiles(backend, 1))
  renameSync(join(root, 'new'), join(outside, 'old'))
  await eventually(hasFiles(backend, 0))
})

test('a file in a directory that was made meanwhile shows', async (t) => {
  const root = temporaryDirectory(t)
  const backend = open(t, root)
  await backend.check()
  mkdirSync(join(root, 'one', 'two'), { recursive: true })
  put(join(root, 'one', 'two'), demo)
  await eventually(hasFiles(backend, 1))
})

test('a file that is replaced by other bytes gets their digest', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  const backend = open(t, root)
  await filesOf(backend)
  put(root, changed)
  await eventually(async () => (await filesOf(backend))[0]?.hashes['sha256'] === sha256(changed.bytes))
})

for (const [kind, file] of [
  ['wheel', demo],
  ['sdist', sdist({ name: 'demo', version: '1.0' })],
] as const) {
  test(`a ${kind} that is copied slowly shows only when it is whole`, async (t) => {
    const root = temporaryDirectory(t)
    const backend = open(t, root)
    await backend.check()
    const fd = openSync(join(root, file.filename), 'w')
    const step = Math.ceil(file.bytes.length / 5)
    for (let start = 0; start < file.bytes.length; start += step) {
      writeSync(fd, file.bytes.subarray(start, start + step))
      // Long enough for each part to be noticed and looked into.
      const endMs = performance.now() + 150
      await eventually(async () => {
        const [shown] = await filesOf(backend)
        assert.ok(shown === undefined || shown.size === file.bytes.length, `${shown?.size} of ${file.bytes.length}`)
        return performance.now() > endMs
      })
    }
    closeSync(fd)
    await eventually(hasFiles(backend, 1))
    assert.deepEqual((await filesOf(backend))[0]?.hashes, { sha256: sha256(file.bytes) })
  })

  test(`a ${kind} that was cut off before the start is logged once, and shown when it is whole`, async (t) => {
    const root = temporaryDirectory(t)
    const at = file.bytes.length - 30
    put(root, { ...file, bytes: file.bytes.subarray(0, at) })
    const { logger, heard } = listening()
    const backend = open(t, root, { logger })
    await eventually(async () => (await filesOf(backend)).length === 0 && heard.length > 0)
    assert.equal(heard.filter((line) => line.includes(file.filename)).length, 1)
    appendFileSync(join(root, file.filename), file.bytes.subarray(at))
    await eventually(hasFiles(backend, 1))
  })
}

test('a project whose only file is still being copied exists, with no files', async (t) => {
  const root = temporaryDirectory(t)
  const backend = open(t, root)
  await backend.check()
  put(root, { ...demo, bytes: demo.bytes.subarray(0, 100) })
  await eventually(() => backend.getProject(normalizeName('demo')))
  assert.deepEqual(await filesOf(backend), [])
  assert.deepEqual(await namesOf(backend), [])
})

test('files that are no archives at all are listed without metadata', async (t) => {
  const root = temporaryDirectory(t)
  writeFileSync(join(root, 'junk-1.0.zip'), 'no archive')
  writeFileSync(join(root, 'empty-1.0.zip'), '')
  const backend = open(t, root)
  assert.deepEqual(await namesOf(backend), ['empty', 'junk'])
  const [file] = await filesOf(backend, 'junk')
  assert.deepEqual([file?.size, file?.coreMetadata], [10, undefined])
})

test('junk that arrives later is listed as well, once nobody writes to it', async (t) => {
  const root = temporaryDirectory(t)
  const backend = open(t, root)
  await backend.check()
  writeFileSync(join(root, 'demo-1.0.zip'), 'no archive')
  await eventually(hasFiles(backend, 1))
})

test('what was hashed is not hashed again after a restart', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  put(root, sdist({ name: 'demo', version: '1.0' }))
  const first = directory(root)
  const before = await filesOf(first)
  await first.close()
  const cacheFile = join(root, '.pypi-server', 'digests.jsonl')
  const lines = readFileSync(cacheFile, 'utf8')
  assert.equal(lines.split('\n').filter((line) => line !== '').length, 2)
  const second = open(t, root)
  assert.deepEqual(await filesOf(second), before)
  await second.close()
  assert.equal(readFileSync(cacheFile, 'utf8'), lines)
})

test('a file that changed while nothing ran is hashed again', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  const first = directory(root)
  await filesOf(first)
  await first.close()
  put(root, changed)
  assert.deepEqual((await filesOf(open(t, root)))[0]?.hashes, { sha256: sha256(changed.bytes) })
})

test('of equal paths in two directories only the first is listed, and the second takes its place', async (t) => {
  const [one, two] = [temporaryDirectory(t), temporaryDirectory(t)]
  put(one, demo)
  put(two, changed)
  put(two, wheel({ name: 'other', version: '1.0' }))
  const backend = open(t, [one, two])
  const digests = async (): Promise<unknown> => (await filesOf(backend)).map(({ hashes }) => hashes['sha256'])
  assert.deepEqual(await digests(), [sha256(demo.bytes)])
  assert.deepEqual(await namesOf(backend), ['demo', 'other'])
  unlinkSync(join(one, demo.filename))
  await eventually(async () => String(await digests()) === sha256(changed.bytes))
})

test('a directory that is not there cannot tell what exists, and recovers when it is', async (t) => {
  const root = join(temporaryDirectory(t), 'later')
  const backend = open(t, root)
  await assert.rejects(backend.getProject(normalizeName('demo')), unavailable)
  await assert.rejects(namesOf(backend), unavailable)
  await assert.rejects(backend.check(), unavailable)
  mkdirSync(root)
  put(root, demo)
  await eventually(hasFiles(backend, 1))
})

test('a directory that vanishes makes its projects unknown, not missing', async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  mkdirSync(root)
  put(root, demo)
  const backend = open(t, root)
  const [file] = await filesOf(backend)
  assert.ok(file)
  renameSync(root, `${root}.away`)
  await assert.rejects(backend.getProject(normalizeName('missing')), unavailable)
  await assert.rejects(backend.openFile(file), unavailable)
  renameSync(`${root}.away`, root)
  await eventually(hasFiles(backend, 1))
})

test('a file that vanished behind the back is not there, and leaves its page', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  const backend = open(t, root)
  const [file] = await filesOf(backend)
  assert.ok(file)
  unlinkSync(join(root, demo.filename))
  assert.equal(await backend.openFile(file), undefined)
  assert.deepEqual(await filesOf(backend), [])
})

test('a file that shrinks while it is read ends with an error', async (t) => {
  const root = temporaryDirectory(t)
  writeFileSync(join(root, 'demo-1.0.zip'), Buffer.alloc(2_000_000))
  const backend = open(t, root)
  const [file] = await filesOf(backend)
  assert.ok(file)
  const { body } = (await backend.openFile(file)) ?? {}
  assert.ok(isByteReader(body))
  truncateSync(join(root, 'demo-1.0.zip'), 1000)
  await assert.rejects(readWhole(body), unavailable)
})

test('watchers hear which project changed', async (t) => {
  const root = temporaryDirectory(t)
  const backend = open(t, root)
  await backend.check()
  const heard = new Set<string>()
  const stop = new AbortController()
  const watching = backend.watch(({ projects }) => {
    if (projects !== 'all') for (const name of projects) heard.add(name)
  }, stop)
  put(root, demo)
  await eventually(() => heard.has('demo'))
  stop.abort()
  await watching
})

test('the revision of a project changes with its files and with nothing else', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  const revisionOf = async (from: DirectoryBackend): Promise<string | undefined> =>
    (await from.getProject(normalizeName('demo')))?.revision
  const backend = open(t, root)
  const before = await revisionOf(backend)
  assert.equal(await revisionOf(open(t, root)), before)
  put(root, wheel({ name: 'other', version: '1.0' }))
  await eventually(async () => (await namesOf(backend)).length === 2)
  assert.equal(await revisionOf(backend), before)
  put(root, wheel({ name: 'demo', version: '2.0' }))
  await eventually(async () => (await revisionOf(backend)) !== before)
})

test('left-over upload files of processes that ended are removed at the start', async (t) => {
  const root = temporaryDirectory(t)
  const spool = join(root, '.pypi-server', 'spool')
  mkdirSync(spool, { recursive: true })
  // No process has this number: it is above the largest that Linux gives.
  const path = join(spool, newSpoolName().replace(`.${process.pid}.`, '.99999999.'))
  writeFileSync(path, 'half an upload')
  await open(t, root).check()
  await eventually(() => !isThere(path))
})

test('a removed file is gone from disk and page, with its signature', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  writeFileSync(join(root, `${demo.filename}.asc`), 'signature')
  const backend = open(t, root)
  const [file] = await filesOf(backend)
  assert.ok(file)
  assert.equal(await backend.remove(file), true)
  assert.deepEqual(await filesOf(backend), [])
  assert.equal(isThere(join(root, `${demo.filename}.asc`)), false)
  assert.equal(await backend.remove(file), false)
})

test('a closed backend says so, and may be closed twice', async (t) => {
  const backend = directory(temporaryDirectory(t))
  await backend.check()
  await Promise.all([backend.close(), backend.close()])
  await assert.rejects(backend.getProject(normalizeName('demo')), { code: 'ERR_PYPI_CLOSED' })
})

test('a project to which somebody uploaded keeps its name when its files are gone, also after a restart', async (t) => {
  const root = temporaryDirectory(t)
  const spooledPath = join(root, 'upload')
  writeFileSync(spooledPath, demo.bytes)
  const backend = directory(root)
  const name = normalizeName('demo')
  const filename = demo.filename as DistributionFile['filename']
  const hashes = { sha256: sha256(demo.bytes) }
  const file = await backend.publish({
    project: name,
    filename,
    version: '1.0',
    spooledPath,
    size: demo.bytes.length,
    hashes,
  })
  await backend.remove(file)
  assert.deepEqual((await backend.getProject(name))?.files, [])
  await backend.close()
  assert.deepEqual((await open(t, root).getProject(name))?.files, [])
  assert.deepEqual([...(await uploadedProjects(root))], ['demo'])
})

test('yanks and status set by one process show in another by themselves, and survive both', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  const [one, two] = [open(t, root), open(t, root)]
  const name = normalizeName('demo')
  const [file] = await filesOf(one)
  await filesOf(two)
  assert.ok(file)
  assert.equal(await one.setYanked(file, { reason: 'broken' }), true)
  assert.equal(await one.setStatus(name, { status: 'archived', reason: 'moved' }), true)
  await eventually(async () => (await two.getProject(name))?.status?.status === 'archived')
  assert.deepEqual((await filesOf(two))[0]?.yanked, { reason: 'broken' })
  assert.deepEqual((await filesOf(open(t, root)))[0]?.yanked, { reason: 'broken' })
  await two.setYanked(file, undefined)
  await eventually(async () => (await filesOf(one))[0]?.yanked === undefined)
})

test('a project document that cannot be understood makes its project unknown, and no other', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  put(root, wheel({ name: 'other', version: '1.0' }))
  mkdirSync(join(root, '.pypi-server', 'projects'), { recursive: true })
  writeFileSync(join(root, '.pypi-server', 'projects', 'demo.json'), '{"format"')
  const backend = open(t, root)
  await assert.rejects(backend.getProject(normalizeName('demo')), unavailable)
  assert.equal((await filesOf(backend, 'other')).length, 1)
})

test('marking a project whose directory vanished is refused, and does not make the directory again', async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  mkdirSync(root)
  put(root, demo)
  const backend = open(t, root)
  const [file] = await filesOf(backend)
  assert.ok(file)
  renameSync(root, `${root}.away`)
  await assert.rejects(backend.setYanked(file, {}), unavailable)
  await assert.rejects(backend.audit({ action: 'yank', user: null, project: file.project }), unavailable)
  assert.equal(isThere(root), false)
})

test('of changes by many that all find the lock of a dead process none is lost', async (t) => {
  const root = temporaryDirectory(t)
  const lock = join(root, '.pypi-server', 'locks', 'demo.json')
  for (let at = 0; at < 8; at += 1) put(root, sdist({ name: 'demo', version: `${at}` }))
  mkdirSync(dirname(lock), { recursive: true })
  const backends = Array.from({ length: 8 }, () => open(t, root))
  const allOf = async (backend: DirectoryBackend): Promise<readonly DistributionFile[] | undefined> => {
    const found = await filesOf(backend)
    return found.length === backends.length ? found : undefined
  }
  const files = await Promise.all(
    backends.map(async (backend, at) => (await eventually(() => allOf(backend), 20_000))[at] as DistributionFile),
  )
  for (let round = 0; round < 30; round += 1) {
    writeFileSync(lock, '')
    utimesSync(lock, 1, 1)
    const reason = `round ${round}`
    await Promise.all(files.map((file, at) => backends[at]?.setYanked(file, { reason })))
    const { yanked } = JSON.parse(readFileSync(lock.replace('locks', 'projects'), 'utf8'))
    assert.deepEqual(Object.values(yanked), Array(8).fill({ reason }))
  }
  assert.deepEqual(readdirSync(dirname(lock)), [])
})

test('the lock of a dead process from ahead of the clock holds nobody up', { timeout: 10_000 }, async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  const lock = join(root, '.pypi-server', 'locks', 'demo.json')
  mkdirSync(dirname(lock), { recursive: true })
  writeFileSync(lock, '')
  utimesSync(lock, Date.now() / 1000 + 3600, Date.now() / 1000 + 3600)
  assert.equal(await open(t, root).setStatus(normalizeName('demo'), { status: 'archived' }), true)
})

test('a project whose name is too long for a file name is served, marked and known to be missing like any other', async (t) => {
  const root = temporaryDirectory(t)
  const long = '長'.repeat(60)
  put(root, { filename: `${long}-1.0.zip`, bytes: demo.bytes })
  const [one, two] = [open(t, root), open(t, root)]
  assert.equal((await filesOf(one, long)).length, 1)
  assert.equal(await one.setStatus(normalizeName(long), { status: 'archived' }), true)
  await eventually(async () => (await two.getProject(normalizeName(long)))?.status?.status === 'archived')
  assert.equal(await one.getProject(normalizeName('a'.repeat(1000))), undefined)
})

test('asking for projects that do not exist takes no memory without end', async (t) => {
  const backend = open(t, temporaryDirectory(t))
  const heapAfter = async (count: number): Promise<number> => {
    for (let at = 0; at < count; at += 1) await backend.getProject(normalizeName(`${randomUUID()}-${'x'.repeat(900)}`))
    v8.setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
    return process.memoryUsage().heapUsed
  }
  const before = await heapAfter(5000)
  assert.ok((await heapAfter(5000)) - before < 2_000_000)
})

test('a file in the place of a folder of ours makes the store unavailable, not the upload a duplicate', async (t) => {
  const root = temporaryDirectory(t)
  put(root, demo)
  mkdirSync(join(root, '.pypi-server'))
  writeFileSync(join(root, '.pypi-server', 'spool'), '')
  const backend = open(t, root)
  assert.equal((await filesOf(backend)).length, 1)
  writeFileSync(join(root, '.pypi-server', 'projects'), '')
  await assert.rejects(async () => await backend.spoolDirectory(), unavailable)
  await assert.rejects(backend.setStatus(normalizeName('demo'), { status: 'archived' }), unavailable)
})

for (const linked of ['.pypi-server', '.pypi-server/projects']) {
  test(`while ${linked} is a link to a disk that is gone, no name is known to be missing`, async (t) => {
    const [root, disk] = [temporaryDirectory(t), join(temporaryDirectory(t), 'disk')]
    mkdirSync(dirname(join(root, linked)), { recursive: true })
    symlinkSync(disk, join(root, linked))
    const backend = open(t, root)
    await assert.rejects(backend.getProject(normalizeName('demo')), unavailable)
    mkdirSync(join(disk, 'projects'), { recursive: true })
    assert.equal(await backend.getProject(normalizeName('demo')), undefined)
  })
}

test('a name that another process took a moment ago is not missing, although it was before', async (t) => {
  const root = temporaryDirectory(t)
  const backend = open(t, root)
  const name = normalizeName('demo')
  assert.equal(await backend.getProject(name), undefined)
  // A folder that is new is watched only a while later.
  mkdirSync(join(root, '.pypi-server', 'projects'), { recursive: true })
  writeFileSync(join(root, '.pypi-server', 'projects', 'demo.json'), '{"format":1,"isUploaded":true}')
  assert.deepEqual((await backend.getProject(name))?.files, [])
})

test('a file from a year that no format can tell has the nearest time that one can', () => {
  const timeOf = (seconds: bigint): string => {
    const mtimeNs = seconds * 1_000_000_000n
    const { modifiedMs } = fileState({ ino: 1n, size: 1n, mtimeNs, ctimeNs: 0n } as BigIntStats)
    return new Date(modifiedMs).toISOString()
  }
  assert.equal(timeOf(99_999_999_999_999n), '9999-12-31T23:59:59.000Z')
  assert.equal(timeOf(-99_999_999_999_999n), '0001-01-01T00:00:00.000Z')
  assert.equal(timeOf(-1_000_000_000n), '1938-04-24T22:13:20.000Z')
})

test('names of uploads are unknown, not missing, while only the mount point of their disk is left', async (t) => {
  const parent = temporaryDirectory(t)
  const [root, away] = [join(parent, 'root'), join(parent, 'away')]
  mkdirSync(join(root, '.pypi-server', 'projects'), { recursive: true })
  writeFileSync(join(root, '.pypi-server', 'projects', 'demo.json'), '{"format":1,"isUploaded":true}')
  put(root, demo)
  const backend = open(t, root)
  assert.equal((await filesOf(backend)).length, 1)
  renameSync(root, away)
  mkdirSync(root)
  await eventually(
    () =>
      namesOf(backend).then(
        () => false,
        () => true,
      ),
    20_000,
  )
  await assert.rejects(backend.getProject(normalizeName('demo')), unavailable)
  rmSync(root, { recursive: true })
  renameSync(away, root)
  await eventually(hasFiles(backend, 1), 20_000)
})
