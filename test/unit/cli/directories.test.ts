import assert from 'node:assert/strict'
import { statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { prepareDirectories } from '#src/cli/directories.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

test('servers that start at the same time can all make their directory', async (t) => {
  const path = join(temporaryDirectory(t), 'packages')
  await Promise.all(Array.from({ length: 4 }, () => prepareDirectories([path])))
  assert.ok(statSync(path).isDirectory())
})

test('a link that leads nowhere is no directory to make', async (t) => {
  const path = join(temporaryDirectory(t), 'packages')
  symlinkSync(join(path, 'gone'), path)
  await assert.rejects(prepareDirectories([path]), { name: 'CommandError', exitCode: 2 })
})
