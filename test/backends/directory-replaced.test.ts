import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type DirectoryBackend, directory } from 'pypi-server'
import { type BuiltArchive, wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const [a, b, c] = [
  wheel({ name: 'a', version: '1.0' }),
  wheel({ name: 'b', version: '1.0' }),
  wheel({ name: 'c', version: '1.0' }),
]
// Far more than it takes, so that a busy machine makes no difference.
const soonMs = 10_000

function put(folder: string, { filename, bytes }: Pick<BuiltArchive, 'filename' | 'bytes'>): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, filename), bytes)
}

async function open(t: TestContext, root: string): Promise<DirectoryBackend> {
  const backend = directory(root)
  t.after(() => backend.close())
  await backend.check()
  return backend
}

async function namesOf(backend: DirectoryBackend): Promise<string> {
  const names: string[] = []
  for await (const page of backend.listProjects()) names.push(...page.map(({ name }) => name))
  return names.sort().join()
}

/** Fulfils once the index consists of just these projects. */
async function shows(backend: DirectoryBackend, names: string, limitMs = soonMs): Promise<void> {
  await eventually(async () => (await namesOf(backend).catch(() => undefined)) === names, limitMs)
}

/** Lets every watch be in place and trusted: until then the clock finds what they miss. */
async function settled(): Promise<void> {
  const endMs = performance.now() + 2500
  await eventually(() => performance.now() > endMs)
}

test('a directory with sub-directories that takes the place of the root shows as a whole', async (t) => {
  const parent = temporaryDirectory(t)
  const [root, next] = [join(parent, 'root'), join(parent, 'next')]
  put(join(root, 'sub', 'deep'), a)
  put(join(next, 'sub', 'deep'), b)
  const backend = await open(t, root)
  await settled()
  renameSync(root, join(parent, 'old'))
  renameSync(next, root)
  await shows(backend, 'b')
  put(join(root, 'sub', 'deep'), c)
  await shows(backend, 'b,c')
})

test('a directory that takes the place of a sub-directory shows as a whole', async (t) => {
  const parent = temporaryDirectory(t)
  const [root, next] = [join(parent, 'root'), join(parent, 'next')]
  put(join(root, 'sub', 'deep'), a)
  put(join(next, 'deep'), b)
  const backend = await open(t, root)
  await settled()
  renameSync(join(root, 'sub'), join(parent, 'old'))
  renameSync(next, join(root, 'sub'))
  await shows(backend, 'b')
  put(join(root, 'sub', 'deep'), c)
  await shows(backend, 'b,c')
})

test('a root that is removed and made again is followed again', async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  put(join(root, 'sub'), a)
  const backend = await open(t, root)
  await settled()
  rmSync(root, { recursive: true })
  put(join(root, 'sub'), b)
  await shows(backend, 'b')
  put(join(root, 'sub'), c)
  await shows(backend, 'b,c')
  put(root, a)
  await shows(backend, 'a,b,c')
})

test('a large sub-directory that is removed and made again at once shows its new files', async (t) => {
  const root = temporaryDirectory(t)
  for (let index = 0; index < 600; index += 1) writeFileSync(join(root, `x${index}.txt`), '')
  for (let index = 0; index < 600; index += 1) put(join(root, 'sub'), { ...a, filename: `a-${index}.zip` })
  const backend = await open(t, root)
  await settled()
  for (let round = 0; round < 3; round += 1) {
    rmSync(join(root, 'sub'), { recursive: true })
    put(join(root, 'sub'), b)
    await shows(backend, 'b')
    for (let index = 0; index < 600; index += 1) put(join(root, 'sub'), { ...a, filename: `a-${index}.zip` })
    await shows(backend, 'a,b')
  }
})

test('a link to a directory is not entered, whenever it comes', async (t) => {
  const root = temporaryDirectory(t)
  put(root, a)
  symlinkSync('.', join(root, 'before'))
  const backend = await open(t, root)
  symlinkSync('.', join(root, 'after'))
  put(root, b)
  await shows(backend, 'a,b')
  for await (const page of backend.listProjects())
    assert.deepEqual(
      page.map(({ fileCount }) => fileCount),
      [1, 1],
    )
})

test('directories too deep to be opened hide nothing else', async (t) => {
  const root = temporaryDirectory(t)
  put(root, a)
  const before = process.cwd()
  process.chdir(root)
  for (let depth = 0; depth < 40; depth += 1) {
    mkdirSync('d'.repeat(200))
    process.chdir('d'.repeat(200))
  }
  put('.', b)
  process.chdir(before)
  try {
    const backend = await open(t, root)
    await shows(backend, 'a')
    put(root, c)
    await shows(backend, 'a,c')
  } finally {
    // Node cannot: it knows no relative descriptors.
    execFileSync('rm', ['-rf', join(root, 'd'.repeat(200))])
  }
})
