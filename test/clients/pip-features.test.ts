import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuiltArchive, sdist, wheel } from '../helpers/archives.js'
import { basic } from '../helpers/index-server.js'
import { findClients } from '../helpers/python-clients.js'
import { ACCOUNT, type Bench, clientTest } from './client-test.js'

const clients = await findClients()
const newest = await clients.pip('26.2')
const debian = await clients.pip('23.0')

const built = wheel({ name: 'demo-lib', version: '1.0' })
const newer = wheel({ name: 'demo-lib', version: '1.1' })
const source = sdist({ name: 'demo-lib', version: '1.2' })

/** What `pip download` got, and the output; `got` is empty when it failed. */
async function download(
  bench: Bench,
  pip: typeof newest,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string; readonly got: readonly string[] }> {
  const finished = await bench.run(pip, ['download', '--no-deps', '--dest', 'got', ...args])
  const got = await readdir(join(bench.directory, 'got')).catch(() => [])
  return { ...finished, got: [...got].sort() }
}

async function yank(url: string, version: string, reason: string): Promise<void> {
  const { username, password } = ACCOUNT
  const response = await fetch(`${url}api/projects/demo-lib/releases/${version}/yank`, {
    method: 'PUT',
    headers: basic(username, password),
    body: JSON.stringify({ reason }),
  })
  assert.equal(response.status, 200, await response.text())
}

/** Copies a file's time back to noon of this day. */
async function date(bench: Bench, { filename }: BuiltArchive, day: string): Promise<void> {
  const time = new Date(`${day}T12:00:00Z`)
  await utimes(join(bench.directory, 'served', filename), time, time)
}

clientTest([newest], 'with --uploaded-prior-to passes over what came later', async (bench) => {
  const url = await bench.serve([built, newer])
  await date(bench, built, '2024-01-01')
  await date(bench, newer, '2024-03-01')
  const args = ['--index-url', `${url}simple/`, '--uploaded-prior-to', '2024-02-01', 'demo-lib']
  const { code, output, got } = await download(bench, newest, args)
  assert.equal(code, 0, output)
  assert.deepEqual(got, [built.filename])
})

clientTest([newest], 'with --uploaded-prior-to finds nothing where all came later, and says why', async (bench) => {
  const url = await bench.serve([built])
  await date(bench, built, '2024-03-01')
  const args = ['--index-url', `${url}simple/`, '--uploaded-prior-to', '2024-02-01', 'demo-lib']
  const { code, output } = await download(bench, newest, args)
  assert.notEqual(code, 0)
  assert.match(output, /No matching distribution found for demo-lib/)
  assert.doesNotMatch(output, /does not provide upload-time/)
})

for (const pip of [newest, debian]) {
  clientTest([pip], 'with --require-hashes takes a file of the right hash', async (bench) => {
    const url = await bench.serve([built])
    const digest = createHash('sha256').update(built.bytes).digest('hex')
    await bench.write({ 'requirements.txt': `demo-lib==1.0 --hash=sha256:${digest}\n` })
    const args = ['--index-url', `${url}simple/`, '--require-hashes', '-r', 'requirements.txt']
    const { code, output, got } = await download(bench, pip, args)
    assert.equal(code, 0, output)
    assert.deepEqual(got, [built.filename])
  })

  clientTest([pip], 'with --require-hashes refuses a file of another hash', async (bench) => {
    const url = await bench.serve([built])
    await bench.write({ 'requirements.txt': `demo-lib==1.0 --hash=sha256:${'0'.repeat(64)}\n` })
    const args = ['--index-url', `${url}simple/`, '--require-hashes', '-r', 'requirements.txt']
    const { code, output, got } = await download(bench, pip, args)
    assert.notEqual(code, 0)
    assert.match(output, /DO NOT MATCH THE HASHES/)
    assert.deepEqual(got, [])
  })

  clientTest([pip], 'with --only-binary passes over an sdist that is newer', async (bench) => {
    const url = await bench.serve([built, source])
    const args = ['--index-url', `${url}simple/`, '--only-binary', ':all:', 'demo-lib']
    const { code, output, got } = await download(bench, pip, args)
    assert.equal(code, 0, output)
    assert.deepEqual(got, [built.filename])
  })

  clientTest([pip], 'takes a yanked release that is pinned, and shows the reason', async (bench) => {
    const url = await bench.serve([built, newer])
    await yank(url, '1.1', 'breaks <old> Pythons')
    const args = ['--index-url', `${url}simple/`, 'demo-lib==1.1']
    const { code, output, got } = await download(bench, pip, args)
    assert.equal(code, 0, output)
    assert.deepEqual(got, [newer.filename])
    assert.match(output, /Reason for being yanked: breaks <old> Pythons/)
  })

  clientTest([pip], 'passes over a yanked release that is not pinned', async (bench) => {
    const url = await bench.serve([built, newer])
    await yank(url, '1.1', 'broken')
    const { code, output, got } = await download(bench, pip, ['--index-url', `${url}simple/`, 'demo-lib'])
    assert.equal(code, 0, output)
    assert.deepEqual(got, [built.filename])
    assert.doesNotMatch(output, /yanked/)
  })

  clientTest([pip], 'lists versions without those that are yanked', async (bench) => {
    const url = await bench.serve([built, newer, wheel({ name: 'demo-lib', version: '1.10' })])
    await yank(url, '1.1', 'broken')
    const output = await bench.succeed(pip, ['index', 'versions', '--index-url', `${url}simple/`, 'demo-lib'])
    assert.match(output, /^demo-lib \(1\.10\)\r?$/m)
    assert.match(output, /^Available versions: 1\.10, 1\.0\r?$/m)
  })

  clientTest([pip], 'installs from pages that promise metadata, by what the metadata requires', async (bench) => {
    const app = wheel({ name: 'demo-app', version: '1.0', requiresDist: ['demo-lib<1.1'] })
    const url = await bench.serve([app, built, newer])
    const args = ['install', '--index-url', `${url}simple/`, '--target', 'site', 'demo-app']
    const output = await bench.succeed(pip, args)
    // Older pips know another key only, and end with a traceback where it is not what they think.
    assert.equal(/demo_lib-1\.0-py3-none-any\.whl\.metadata/.test(output), pip === newest, output)
    const installed = (await readdir(join(bench.directory, 'site'))).filter((name) => name.endsWith('.dist-info'))
    assert.deepEqual(installed.sort(), ['demo_app-1.0.dist-info', 'demo_lib-1.0.dist-info'])
  })

  clientTest([pip], 'takes the newest release that its Python can run', async (bench) => {
    const others = [
      wheel({ name: 'demo-lib', version: '2.0', requiresPython: '>=99' }),
      wheel({ name: 'demo-lib', version: '1.5', requiresPython: '>=3' }),
      sdist({ name: 'demo-lib', version: '3.0', requiresPython: '<3' }),
    ]
    const url = await bench.serve([built, ...others])
    const { code, output, got } = await download(bench, pip, ['--index-url', `${url}simple/`, 'demo-lib'])
    assert.equal(code, 0, output)
    assert.deepEqual(got, ['demo_lib-1.5-py3-none-any.whl'])
  })

  clientTest([pip], 'says which Pythons a pinned release wants', async (bench) => {
    const url = await bench.serve([wheel({ name: 'demo-lib', version: '2.0', requiresPython: '>=99' })])
    const { code, output, got } = await download(bench, pip, ['--index-url', `${url}simple/`, 'demo-lib==2.0'])
    assert.notEqual(code, 0)
    assert.match(output, /Requires-Python >=99/)
    assert.deepEqual(got, [])
  })
}
