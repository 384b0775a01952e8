import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { version } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { basic, uploadForm } from '../helpers/index-server.js'
import { type RunningServer, type ServerOptions, startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const demo = wheel({ name: 'demo', version: '1.0' })

async function start(t: TestContext, options: ServerOptions): Promise<RunningServer> {
  const server = await startServer(options)
  t.after(() => server.stop())
  return server
}

function command(...args: readonly string[]): {
  readonly status: number | null
  readonly out: string
  readonly err: string
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 20_000 })
  return { status, out: stdout, err: stderr }
}

function passwordFile(t: TestContext): string {
  const path = join(temporaryDirectory(t), 'htpasswd')
  writeFileSync(path, `ann:{SHA}${createHash('sha1').update('secret').digest('base64')}\n`)
  return path
}

test('the command serves a directory and tells where, what is protected and what falls back', async (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, demo.filename), demo.bytes)
  const { url, stderr } = await start(t, { directory })
  assert.match(await (await fetch(`${url}simple/`)).text(), /<a href="demo\/">demo<\/a>/)
  assert.match(stderr(), /Uploads are refused/)
  assert.match(stderr(), /redirected to https:\/\/pypi\.org\/simple\//)
})

test('unknown projects are redirected to the fallback, unless that is disabled', async (t) => {
  const directory = temporaryDirectory(t)
  const [open, closed] = await Promise.all([
    start(t, { directory, args: ['--fallback-url', 'http://127.0.0.1:1/other'] }),
    start(t, { directory, args: ['--disable-fallback'] }),
  ])
  const redirect = await fetch(`${open.url}simple/missing/`, { redirect: 'manual' })
  assert.deepEqual([redirect.status, redirect.headers.get('location')], [303, 'http://127.0.0.1:1/other/missing/'])
  assert.equal((await fetch(`${closed.url}simple/missing/`)).status, 404)
})

test('uploads need a login of the password file', async (t) => {
  const directory = temporaryDirectory(t)
  const { url } = await start(t, { directory, args: ['-P', passwordFile(t)] })
  const statusWith = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(url, { method: 'POST', body: uploadForm(demo), headers })).status
  assert.deepEqual([await statusWith({}), await statusWith(basic('ann', 'wrong'))], [401, 401])
  assert.equal(await statusWith(basic('ann', 'secret')), 200)
})

test('a directory that does not exist is created with a hint', async (t) => {
  const directory = join(temporaryDirectory(t), 'packages')
  const { url, stderr } = await start(t, { directory })
  assert.ok(statSync(directory).isDirectory())
  assert.ok(stderr().includes(`Created ${directory}`))
  assert.equal((await fetch(`${url}simple/`)).status, 200)
})

test('SIGTERM ends the command with 0 after the running request', async (t) => {
  const directory = temporaryDirectory(t)
  const { url, process: child } = await start(t, { directory, args: ['-P', '.', '-a', '.'] })
  const { port } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  const tail = '--b--\r\n'
  const body = `--b\r\nContent-Disposition: form-data; name=":action"\r\n\r\nverify\r\n`
  const length = Buffer.byteLength(body + tail)
  socket.write(
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${length}\r\n\r\n${body}`,
  )
  // The upload is known to be under way once a later request was answered.
  await fetch(`${url}health`)
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await eventually(() =>
    fetch(`${url}health`).then(
      () => false,
      () => true,
    ),
  )
  socket.write(tail)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  assert.match(String(answer), /^HTTP\/1\.1 200 /)
  assert.deepEqual(await exited, [0, null])
})

test('an upload that was cut off by kill -9 is invisible after the restart and leaves no stray file', async (t) => {
  const directory = temporaryDirectory(t)
  const args = ['-P', '.', '-a', '.']
  const first = await start(t, { directory, args })
  const spool = join(directory, '.pypi-server', 'spool')
  const socket = connect(Number(new URL(first.url).port), '127.0.0.1').on('error', () => {})
  const head = `--b\r\nContent-Disposition: form-data; name="content"; filename="${demo.filename}"\r\n\r\n`
  socket.write(
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 90000\r\n\r\n${head}`,
  )
  socket.write(demo.bytes)
  await eventually(() => statSync(spool, { throwIfNoEntry: false }) && readdirSync(spool).length === 1)
  const exited = once(first.process, 'exit')
  first.process.kill('SIGKILL')
  await exited
  const second = await start(t, { directory, args })
  assert.equal((await fetch(`${second.url}simple/demo/`, { redirect: 'manual' })).status, 303)
  await eventually(() => readdirSync(spool).length === 0)
  assert.deepEqual(readdirSync(directory), ['.pypi-server'])
  assert.equal((await fetch(second.url, { method: 'POST', body: uploadForm(demo) })).status, 200)
})

test('requests are logged on one line each, whatever the client sends', async (t) => {
  const directory = temporaryDirectory(t)
  const { url, process: child } = await start(t, { directory })
  let out = ''
  child.stdout?.on('data', (text: string) => {
    out += text
  })
  await fetch(`${url}simple/%0aforged/`, { headers: { 'user-agent': 'pip/26.2 {"x":1}' }, redirect: 'manual' })
  await eventually(() => out.includes('pip/26.2'))
  const lines = out.trimEnd().split('\n')
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /127\.0\.0\.1 - "GET \/simple\/%0aforged\/" 400 /)
})

test('a port that is in use is told in one line', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1')
  t.after(() => blocker.close())
  await once(blocker, 'listening')
  const { port } = blocker.address() as AddressInfo
  const { status, err } = command('run', '-i', '127.0.0.1', '-p', String(port), temporaryDirectory(t))
  assert.equal(status, 1)
  assert.match(err, /^pypi-server: error: port \d+ on 127\.0\.0\.1 is in use: [^\n]+\n$/)
})

test('a directory that cannot be made is told in one line', (t) => {
  const { status, err } = command('run', '-p', '0', join(temporaryDirectory(t), 'a', 'b'))
  assert.equal(status, 2)
  assert.match(err, /^pypi-server: error: cannot create the directory [^\n]+: ENOENT\n$/)
})

test('a file in place of a directory is told in one line', (t) => {
  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, '')
  const { status, err } = command('run', '-p', '0', file)
  assert.deepEqual([status, err], [2, `pypi-server: error: cannot read the directory ${file}: ENOTDIR\n`])
})

for (const [args, text] of [
  [['-p', 'abc'], /argument -p\/--port: "abc" is not a port/],
  [['-p', '70000'], /is not a port/],
  [['-a', 'updat'], /"updat" is none of download, list, update/],
  [['-a', '.'], /the password file must be empty as well/],
  [['-P', '.'], /nothing can be authenticated/],
  [['--hash-algo', 'md6'], /"md6" is none of/],
  [['--health-endpoint', 'x'], /healthEndpoint: "x"/],
  [['--fallback-url', 'foobar'], /fallbackUrl: "foobar" is not an http or https address/],
  [['--max-upload', '0'], /"0" is not a size/],
  [['--unknown'], /unrecognized arguments: --unknown/],
] as const) {
  test(`run ${args.join(' ')} is refused with 2 and a line that names the mistake`, (t) => {
    const { status, err } = command('run', ...args, ...(args.length === 2 ? [temporaryDirectory(t)] : []))
    assert.equal(status, 2)
    const lines = err.trimEnd().split('\n')
    assert.match(lines.at(-1) ?? '', text)
    assert.doesNotMatch(err, / at .*\.js:/)
  })
}

test('--version tells the version, --help the options with examples', () => {
  assert.deepEqual(command('--version'), { status: 0, out: `${version}\n`, err: '' })
  const { status, out } = command('run', '--help')
  assert.equal(status, 0)
  for (const text of ['--passwords', '--authenticate', '--disable-fallback', 'examples:', 'htpasswd -B']) {
    assert.ok(out.includes(text), text)
  }
})
