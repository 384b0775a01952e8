import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { takeInventory } from '#src/cli/update-files.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

function folderWith(t: TestContext, ...paths: readonly string[]): string {
  const folder = temporaryDirectory(t)
  for (const path of paths) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), '')
  }
  return folder
}

async function found(...folders: readonly string[]): Promise<readonly string[]> {
  const { files } = await takeInventory(folders)
  return files.map(({ folder, filename }) => join(folder, filename))
}

test('the newest version of every project counts, wherever it lies', async (t) => {
  const one = folderWith(t, 'Demo-1.9.tar.gz', 'sub/deep/demo-1.10-py3-none-any.whl', 'other-1.0.zip')
  const two = folderWith(t, 'demo-1.2.tar.gz', 'other-2.0.zip')
  assert.deepEqual(await found(one, two), [
    join(one, 'sub/deep/demo-1.10-py3-none-any.whl'),
    join(two, 'other-2.0.zip'),
  ])
})

test('of equal versions the first directory and the first name count', async (t) => {
  const one = folderWith(t, 'b/demo-1.0.zip', 'a/demo-1.0.zip')
  const two = folderWith(t, 'demo-1.0.zip')
  assert.deepEqual(await found(one, two), [join(one, 'a/demo-1.0.zip')])
  assert.deepEqual(await found(two, one), [join(two, 'demo-1.0.zip')])
})

test('hidden names, signatures and other files do not count', async (t) => {
  const folder = folderWith(t, '.hidden/a-1.0.zip', '.b-1.0.zip', 'c-1.0.zip.asc', 'd.txt', 'e-1.0.exe.zip.part')
  assert.deepEqual(await found(folder), [])
})

test('links to files count, links to directories and to nowhere do not', async (t) => {
  const target = folderWith(t, 'demo-1.0.zip', 'other-1.0.zip')
  const folder = folderWith(t, 'dir-1.0.zip/in-1.0.zip')
  symlinkSync(join(target, 'demo-1.0.zip'), join(folder, 'demo-1.0.zip'))
  symlinkSync(target, join(folder, 'linked'))
  symlinkSync(target, join(folder, 'linked-1.0.zip'))
  symlinkSync('nowhere', join(folder, 'broken-1.0.zip'))
  symlinkSync(folder, join(folder, 'loop'))
  assert.deepEqual(await found(folder), [join(folder, 'demo-1.0.zip'), join(folder, 'dir-1.0.zip/in-1.0.zip')])
})

test('a linked root is shown under its real path, a hidden one is read', async (t) => {
  const folder = folderWith(t, '.root/demo-1.0.zip')
  symlinkSync(join(folder, '.root'), join(folder, 'link'))
  assert.deepEqual(await found(join(folder, 'link')), [join(folder, '.root/demo-1.0.zip')])
})

test('a root that is missing or a file is refused', async (t) => {
  const folder = folderWith(t, 'demo-1.0.zip')
  for (const name of ['missing', 'demo-1.0.zip']) {
    await assert.rejects(takeInventory([join(folder, name)]), { code: 'ERR_PYPI_CONFIG' })
  }
})
