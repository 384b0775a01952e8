import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { wheel } from './helpers/archives.js'
import { temporaryDirectory } from './helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })

test('closing is seen through to its end when nothing else keeps the process alive', async (t) => {
  const root = temporaryDirectory(t)
  writeFileSync(join(root, demo.filename), demo.bytes)
  const script = `import { createApp } from 'pypi-server'
    const app = createApp({ roots: ${JSON.stringify(root)} })
    await app.ready()
    await app.close()`
  const cwd = fileURLToPath(new URL('../../', import.meta.url))
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { cwd, stdio: 'inherit' })
  // 13 would be: still waiting, with nothing left that could happen.
  assert.deepEqual(await once(child, 'exit'), [0, null])
})
