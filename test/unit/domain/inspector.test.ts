import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createInspector, type InspectorOptions } from '#src/domain/inspector.js'
import { defaultLimits } from '#src/limits.js'
import { checkUploadFilename } from '#src/packaging/filename.js'
import { type BuiltArchive, noise, sdist, wheel, zip } from '../../helpers/archives.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

const tiny = wheel({ name: 'demo', version: '1.0', requiresPython: '>=3.9' })
const large = sdist({ name: 'demo', version: '1.0', files: { 'noise.bin': noise(100_000) } })

/** An inspector that ends with the test, and a way to ask it for a file. */
function open(t: TestContext, options: Partial<InspectorOptions> = {}) {
  const inspector = createInspector({ validation: 'standard', limits: defaultLimits, ...options })
  t.after(() => inspector.close())
  const folder = temporaryDirectory(t)
  const inspect = ({ filename, bytes }: Pick<BuiltArchive, 'filename' | 'bytes'>) => {
    const path = join(folder, filename)
    writeFileSync(path, bytes)
    return inspector.inspect({ path, size: bytes.length }, checkUploadFilename(filename))
  }
  return { inspector, inspect }
}

/** A thread that does this with each request. */
function thread(body: string): URL {
  const text = `import { parentPort } from 'node:worker_threads'; parentPort.on('message', (request) => { ${body} })`
  return new URL(`data:text/javascript,${encodeURIComponent(text)}`)
}

const noThread = new URL('file:///nowhere/thread.js')
const slow = thread("if (request.path.includes('slow')) for (;;); parentPort.postMessage({ found: {} })")
const fast = { ...large, filename: 'fast-1.0.tar.gz' }
const hanging = { ...large, filename: 'slow-1.0.tar.gz' }

test('a tiny file is looked into without a thread', async (t) => {
  const found = await open(t, { threadUrl: noThread }).inspect(tiny)
  assert.ok(found !== 'overrun')
  assert.deepEqual([found.requiresPython, Buffer.from(found.metadata ?? [])], ['>=3.9', tiny.metadata])
})

test('a file that is not tiny is looked into by the thread, with the same outcome', async (t) => {
  const { inspect } = open(t)
  const found = await inspect(large)
  assert.ok(found !== 'overrun')
  assert.deepEqual(Buffer.from(found.metadata ?? []), large.metadata)
  await assert.rejects(inspect({ ...large, bytes: large.bytes.subarray(0, -1) }), {
    code: 'ERR_PYPI_BAD_ARCHIVE',
    message: 'the archive is cut off',
  })
})

test('a tiny file that unpacks to much is left to the thread, and its limits still hold', async (t) => {
  const padded = sdist({ name: 'demo', version: '1.0', files: { zeros: Buffer.alloc(3 * 2 ** 20) } })
  assert.ok(padded.bytes.length < 64 * 1024)
  await assert.rejects(open(t, { threadUrl: noThread }).inspect(padded))
  const found = await open(t).inspect(padded)
  assert.ok(found !== 'overrun' && found.metadata !== undefined)
  const limits = { ...defaultLimits, maxUnpackedBytes: 2 ** 20 }
  await assert.rejects(open(t, { limits }).inspect(padded), { code: 'ERR_PYPI_BAD_ARCHIVE' })
})

test('others have their turns while a zip of 60,000 members is looked into', async (t) => {
  const members = Array.from(
    { length: 60_000 },
    (_, index) => ({ name: `demo/${index}`, data: '', method: 'stored' }) as const,
  )
  const { inspect } = open(t, { limits: { ...defaultLimits, maxArchiveMembers: 100_000 } })
  let turns = 0
  const inspected = inspect({ filename: 'demo-1.0.zip', bytes: zip(members) }).finally(() => clearInterval(timer))
  const timer = setInterval(() => {
    turns += 1
  })
  await inspected
  assert.ok(turns >= 3, `${turns} turns`)
})

test('a file that takes too long is given up, and the next one is looked into', async (t) => {
  const { inspect } = open(t, { threadUrl: slow, limits: { ...defaultLimits, maxInspectionMs: 300 } })
  const outcomes = await Promise.all([inspect(hanging), inspect(fast)])
  assert.deepEqual(outcomes, ['overrun', {}])
})

test('a file that takes too much memory is given up, and the next one is looked into', async (t) => {
  const threadUrl = thread(
    "const held = []; while (request.path.includes('slow')) held.push([...'memory']); parentPort.postMessage({ found: {} })",
  )
  const { inspect } = open(t, { threadUrl })
  assert.deepEqual([await inspect(hanging), await inspect(fast)], ['overrun', {}])
})

test('more files than may wait are refused at once', async (t) => {
  const { inspector, inspect } = open(t, { threadUrl: slow, limits: { ...defaultLimits, maxInspectionsWaiting: 1 } })
  const held = [inspect(hanging), inspect(fast)].map((one) => assert.rejects(one, { code: 'ERR_PYPI_CLOSED' }))
  await assert.rejects(inspect(fast), { code: 'ERR_PYPI_OVERLOADED' })
  await inspector.close()
  await Promise.all(held)
})

test('a closed inspector ends its thread in the middle of a file and refuses others', async (t) => {
  const { inspector, inspect } = open(t, { threadUrl: slow })
  const held = assert.rejects(inspect(hanging), { code: 'ERR_PYPI_CLOSED' })
  await inspector.close()
  await held
  await assert.rejects(inspect(fast), { code: 'ERR_PYPI_CLOSED' })
  await inspector.close()
})

test('a thread that cannot start is an error and no verdict on the file', async (t) => {
  assert.ok(!existsSync(noThread))
  const { inspect } = open(t, { threadUrl: noThread })
  await assert.rejects(inspect(fast), (error: NodeJS.ErrnoException) => error.code !== 'ERR_PYPI_BAD_ARCHIVE')
})
