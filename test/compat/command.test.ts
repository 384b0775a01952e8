import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseArguments } from '#src/cli/legacy.js'
import { sdist } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { serveIndex } from '../helpers/index-server.js'
import { type RunningServer, startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { ask } from './wire.js'

const demo = sdist({ name: 'demo', version: '1.0' })
const changed = sdist({ name: 'demo', version: '1.0', files: { 'other.py': '' } })

async function start(
  t: TestContext,
  args: readonly string[],
  directory = temporaryDirectory(t),
): Promise<RunningServer> {
  writeFileSync(join(directory, demo.filename), demo.bytes)
  const server = await startServer({ directory, args })
  t.after(() => server.stop())
  return server
}

function command(...args: readonly string[]): { readonly status: number | null; readonly err: string } {
  const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 20_000 })
  return { status, err: stderr }
}

test('the server speaks HTTP/1.1, keeps connections open and does not name itself', async (t) => {
  const { url } = await start(t, [])
  const { headers } = await fetch(`${url}health`)
  assert.deepEqual([headers.get('connection'), headers.get('server')], ['keep-alive', null])
  assert.equal((await ask(url, '/health', { version: '1.0' })).status, 200)
})

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))

test('an IPv6 address is one to listen on', { skip: !hasIpv6 && 'no IPv6 on this machine' }, async (t) => {
  const { url } = await start(t, ['-i', '::1'])
  assert.match(url, /^http:\/\/\[::1\]:\d+\/$/)
  assert.equal((await fetch(`${url}health`)).status, 200)
})

test('SIGINT ends the command with 0', async (t) => {
  const { process: child } = await start(t, [])
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('only the first directory is created, a further one has to be there', (t) => {
  const [first, second] = [join(temporaryDirectory(t), 'a'), join(temporaryDirectory(t), 'b')]
  const { status, err } = command('run', '-p', '0', first, second)
  assert.deepEqual([status, err.endsWith(`cannot read the directory ${second}: ENOENT\n`)], [2, true])
})

test('a base path with escapes is reached as it is written', async (t) => {
  const { url } = await start(t, ['--server-base-url', '/a%20b/'])
  assert.ok(url.endsWith('/a%20b/'))
  assert.match(await (await fetch(`${url}simple/`)).text(), />demo</)
})

test('an empty name for the log file is none', async (t) => {
  const { url } = await start(t, ['--log-file', ''])
  assert.equal((await fetch(`${url}health`)).status, 200)
})

test('options choose digest, cache time, health endpoint and overwriting of the served index', async (t) => {
  const args = ['--hash-algo', 'md5', '--cache-control', '60', '--health-endpoint', '/live', '-o', '-a', '.', '-P', '.']
  const { url } = await start(t, args)
  assert.match(await (await fetch(`${url}simple/demo/`)).text(), /#md5=[0-9a-f]{32}"/)
  const file = await fetch(`${url}packages/${demo.filename}`)
  assert.equal(file.headers.get('cache-control'), 'public, max-age=60')
  assert.equal(await (await fetch(`${url}live`)).text(), 'Ok')
  const form = new FormData()
  form.append(':action', 'file_upload')
  form.append('content', new Blob([changed.bytes as Uint8Array<ArrayBuffer>]), changed.filename)
  assert.equal((await fetch(url, { method: 'POST', body: form })).status, 200)
})

test('the environment sets no option', (t) => {
  const names = ['PORT', 'PYPISERVER_PORT', 'GUNICORN_CMD_ARGS', 'PYPISERVER_BOTTLE_MEMFILE_MAX_OVERRIDE_BYTES']
  const before = parseArguments(['run'])
  for (const name of names) process.env[name] = '1234'
  t.after(() => {
    for (const name of names) delete process.env[name]
  })
  assert.deepEqual(parseArguments(['run']), before)
})

for (const [flags, execute, allow_unstable] of [
  ['-U', false, false],
  ['-Ux', true, false],
  ['-Uu', false, true],
  ['-Uxu', true, true],
] as const) {
  test(`the old form with ${flags} is update`, (t) => {
    const { line } = parseArguments([flags, temporaryDirectory(t)])
    assert.equal(line.command, 'update')
    assert.deepEqual({ ...line.options, execute, allow_unstable }, line.options)
  })
}

test('the old and the new name of the ignore list mean the same', (t) => {
  const directory = temporaryDirectory(t)
  const listOf = (option: string): unknown => parseArguments(['update', option, 'list', directory]).line.options
  assert.deepEqual(listOf('--blacklist-file'), listOf('--ignorelist-file'))
})

test('update says what it checked and ends with 0', async (t) => {
  const upstream = await serveIndex(t)
  const directory = temporaryDirectory(t)
  writeFileSync(join(upstream.root, demo.filename), demo.bytes)
  writeFileSync(join(directory, 'demo-0.9.zip'), '')
  const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
  const child = spawn(process.execPath, [main, 'update', '--index-url', `${upstream.url}simple/`, directory])
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  assert.deepEqual(await once(child, 'close'), [0, null])
  assert.ok(out.startsWith('checking 1 packages for newer version\n\nu\n\n# update demo from 0.9 to 1.0\npip -q '), out)
})

test('a file whose link is turned to other bytes is listed with their digest', async (t) => {
  const [directory, outside] = [temporaryDirectory(t), temporaryDirectory(t)]
  writeFileSync(join(outside, 'one'), demo.bytes)
  writeFileSync(join(outside, 'two'), changed.bytes)
  mkdirSync(join(directory, 'sub'))
  const link = join(directory, 'sub', 'demo-2.0.tar.gz')
  symlinkSync(join(outside, 'one'), link)
  const { url } = await start(t, [], directory)
  const rowOf = async (): Promise<string | undefined> =>
    /demo-2\.0\.tar\.gz#sha256=(\w+)/.exec(await (await fetch(`${url}simple/demo/`)).text())?.[1]
  const before = await eventually(rowOf)
  symlinkSync(join(outside, 'two'), `${link}.new`)
  renameSync(`${link}.new`, link)
  await eventually(async () => ![undefined, before].includes(await rowOf()))
})
