import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  readdirSync,
  renameSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { directory, normalizeName } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const descriptors = (): number => readdirSync('/proc/self/fd').length

test('a page of many files that were not looked into yet takes few descriptors', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const root = temporaryDirectory(t)
  for (let minor = 0; minor < 400; minor += 1) {
    const { filename, bytes } = wheel({ name: 'demo', version: `1.${minor}` })
    writeFileSync(join(root, filename), bytes)
  }
  const before = descriptors()
  const backend = directory(root)
  t.after(() => backend.close())
  let most = 0
  const timer = setInterval(() => {
    most = Math.max(most, descriptors())
  }, 1)
  const { files = [] } = (await backend.getProject(normalizeName('demo'))) ?? {}
  clearInterval(timer)
  assert.equal(files.filter(({ hashes }) => hashes['sha256'] !== undefined).length, 400)
  assert.ok(most - before < 100, `${most - before} descriptors`)
})

test('a pipe that took the place of a file keeps nobody waiting', { skip: process.platform === 'win32' }, (t) => {
  const pipe = join(temporaryDirectory(t), 'demo-1.0.zip')
  execFileSync('mkfifo', [pipe])
  const module = new URL('../../../dist/digests/digest.js', import.meta.url)
  const script = `import { digestFile } from ${JSON.stringify(module.href)}
    await digestFile(${JSON.stringify(pipe)}, ['sha256']).catch(() => {})`
  // In a process of its own: nothing else could end the wait.
  execFileSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 10_000 })
})

test('a listener that throws stops neither the index nor the other listeners', async (t) => {
  const root = temporaryDirectory(t)
  const backend = directory(root)
  t.after(() => backend.close())
  await backend.check()
  const stop = new AbortController()
  const heard: string[] = []
  const broken = backend.watch(() => {
    throw new Error('broken')
  }, stop)
  const watching = backend.watch(({ projects }) => {
    if (projects !== 'all') heard.push(...projects)
  }, stop)
  const { filename, bytes } = wheel({ name: 'demo', version: '1.0' })
  writeFileSync(join(root, filename), bytes)
  await eventually(() => heard.includes('demo'))
  await eventually(async () => (await backend.getProject(normalizeName('demo')))?.files.length === 1)
  stop.abort()
  await Promise.all([broken, watching])
})

test('a digest that failed once is computed when the page is asked for again', async (t) => {
  const [busy, root, outside] = [temporaryDirectory(t), temporaryDirectory(t), temporaryDirectory(t)]
  // Keep the background away from the file that matters, which is old and so comes last.
  for (const filename of ['large-1.0.zip', 'large-2.0.zip']) {
    writeFileSync(join(busy, filename), '')
    truncateSync(join(busy, filename), 50 * 1024 ** 3)
  }
  mkdirSync(join(outside, 'store'))
  // Too large to be hashed when it is first looked at.
  writeFileSync(join(outside, 'store', 'demo-1.0.zip'), 'no archive'.repeat(50_000))
  utimesSync(join(outside, 'store', 'demo-1.0.zip'), 1, 1)
  symlinkSync(join(outside, 'store', 'demo-1.0.zip'), join(root, 'demo-1.0.zip'))
  const backend = directory([busy, root])
  t.after(() => backend.close())
  const digest = async (): Promise<string | undefined> =>
    (await backend.getProject(normalizeName('demo')))?.files[0]?.hashes['sha256']
  await backend.check()
  renameSync(join(outside, 'store'), join(outside, 'away'))
  symlinkSync('store', join(outside, 'store'))
  assert.equal(await digest(), undefined)
  unlinkSync(join(outside, 'store'))
  renameSync(join(outside, 'away'), join(outside, 'store'))
  assert.match((await digest()) ?? '', /^[0-9a-f]{64}$/)
})
