import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { type IndexServer, serveIndex, uploadForm } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const fallbackUrl = 'https://pypi.org/simple/'

async function statuses({ request }: IndexServer, ...paths: readonly string[]): Promise<readonly number[]> {
  return await Promise.all(paths.map(async (path) => (await request(path)).status))
}

/** Serves a directory with `demo` and a closed folder with `hidden`; modes bind everybody but root. */
async function withClosedFolder(
  t: TestContext,
  name: string,
  ask: (server: IndexServer, reopen: () => void) => Promise<void>,
): Promise<void> {
  const root = temporaryDirectory(t)
  chmodSync(root, 0o777)
  writeFileSync(join(root, demo.filename), demo.bytes)
  const folder = join(root, name)
  mkdirSync(folder)
  const hidden = wheel({ name: 'hidden', version: '1.0' })
  writeFileSync(join(folder, hidden.filename), hidden.bytes)
  chmodSync(folder, 0)
  const user = process.geteuid?.() ?? 0
  const become = (id: number): void => void (user === 0 && process.seteuid?.(id))
  become(65534)
  const reopen = (): void => {
    become(0)
    chmodSync(folder, 0o755)
  }
  try {
    await ask(await serveIndex(t, { roots: root, fallbackUrl }), reopen)
  } finally {
    reopen()
  }
}

test('while a sub-directory cannot be read no name is told missing or leads to the fallback', async (t) => {
  await withClosedFolder(t, 'closed', async (server, reopen) => {
    const paths = ['simple/hidden/', 'simple/any/', 'packages/closed/hidden-1.0-py3-none-any.whl']
    assert.deepEqual(await statuses(server, ...paths), [503, 503, 503])
    assert.deepEqual(await statuses(server, 'simple/demo/', 'simple/', `packages/${demo.filename}`), [200, 200, 200])
    assert.deepEqual(await statuses(server, 'packages/any-1.0.zip'), [404])
    reopen()
    await eventually(async () => (await statuses(server, 'simple/hidden/'))[0] === 200)
    assert.deepEqual(await statuses(server, 'simple/any/'), [303])
  })
})

test('the folder that file systems keep for what they find hides no names', async (t) => {
  await withClosedFolder(t, 'lost+found', async (server) => {
    assert.deepEqual(await statuses(server, 'simple/any/', 'simple/demo/'), [303, 200])
  })
})

for (const [title, folder] of [
  ['when an empty directory takes the place of the directory nothing is told missing until it is back', ''],
  ['the same goes for a directory whose files are all in a sub-directory', 'sub'],
] as const) {
  test(title, async (t) => {
    const root = join(temporaryDirectory(t), 'root')
    mkdirSync(join(root, folder), { recursive: true })
    writeFileSync(join(root, folder, demo.filename), demo.bytes)
    const server = await serveIndex(t, { roots: root, fallbackUrl })
    const paths = ['simple/any/', `packages/${join(folder, demo.filename)}`, 'simple/demo/']
    await eventually(async () => (await statuses(server, ...paths)).join() === '303,200,200')
    renameSync(root, `${root}.away`)
    mkdirSync(root)
    // Before it is noticed, too.
    assert.deepEqual(await statuses(server, 'simple/any/', 'packages/any-1.0.zip'), [503, 503])
    await eventually(async () => (await statuses(server, 'simple/')).join() === '503')
    assert.deepEqual(await statuses(server, ...paths), [503, 503, 503])
    assert.equal((await server.post(uploadForm(wheel({ name: 'demo', version: '2.0' })))).status, 503)
    renameSync(root, `${root}.mount-point`)
    renameSync(`${root}.away`, root)
    await eventually(async () => (await statuses(server, ...paths)).join() === '303,200,200')
  })
}

test('an empty directory that took the place of another counts from the first file in it on', async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  mkdirSync(root)
  writeFileSync(join(root, 'old-1.0.zip'), 'old')
  const server = await serveIndex(t, { roots: root, fallbackUrl })
  await eventually(async () => (await statuses(server, 'simple/any/')).join() === '303')
  renameSync(root, `${root}.away`)
  mkdirSync(root)
  await eventually(async () => (await statuses(server, 'simple/')).join() === '503')
  writeFileSync(join(root, demo.filename), demo.bytes)
  await eventually(async () => (await statuses(server, 'simple/demo/', 'simple/any/')).join() === '200,303')
})
