import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { mainScript, startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })

test('run serves what a configuration file says, from wherever it is started', async (t) => {
  const folder = temporaryDirectory(t)
  mkdirSync(join(folder, 'archive'))
  writeFileSync(join(folder, 'archive', demo.filename), demo.bytes)
  const config = {
    roots: ['packages', 'archive'],
    port: 1,
    serverBaseUrl: '/pypi',
    disableFallback: true,
    welcome: 'at {{URL}}',
    baseUrl: 'https://pypi.test/pypi/',
    limits: { maxPathBytes: 30 },
    logFile: 'server.log',
  }
  const path = join(folder, 'index.json')
  writeFileSync(path, JSON.stringify(config))
  // The helper names a port and a directory, which win.
  const server = await startServer({ directory: join(folder, 'archive'), args: ['--config', path] })
  t.after(() => server.stop())
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d{2,}\/pypi\/$/)
  assert.equal(await (await fetch(server.url)).text(), 'at https://pypi.test/pypi/')
  assert.equal((await fetch(`${server.url}simple/demo/`)).status, 200)
  assert.equal((await fetch(`${server.url}simple/other/`)).status, 404)
  assert.equal((await fetch(`${server.url}simple/${'x'.repeat(30)}/`)).status, 414)
  assert.match(server.stderr(), /Projects that are not here do not exist/)
})

test('a configuration file that is wrong ends the start of run and update with 2 and one line', (t) => {
  const path = join(temporaryDirectory(t), 'index.json')
  writeFileSync(path, '{"fallbakUrl": "https://x.test/"}')
  for (const command of ['run', 'update']) {
    const args = [mainScript, command, '--config', path]
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })
    assert.equal(stderr, `pypi-server: error: ${path}: unknown key "fallbakUrl"; is it fallbackUrl?\n`)
    assert.equal(status, 2)
  }
})
