import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
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
  assert.match(stderr(), /^Open to everybody: list, download /m)
  for (const line of [`pip install --index-url ${url}simple/`, `uv pip install --index-url ${url}simple/`])
    assert.ok(stderr().includes(`  ${line} PACKAGE\n`), line)
  // Nobody could use them.
  assert.doesNotMatch(stderr(), /twine|uv publish/)
  await eventually(() => stderr().includes('\nFound 1 file of 1 project\n'))
  assert.doesNotMatch(stderr(), /Reading the directories/)
})

test('the command tells how to upload once somebody may, and says less when that is wanted', async (t) => {
  const [open, quiet] = await Promise.all([
    start(t, { directory: temporaryDirectory(t), args: ['-P', '.', '-a', '.'] }),
    start(t, { directory: temporaryDirectory(t), args: ['--log-stream', 'none'] }),
  ])
  for (const line of [`twine upload --repository-url ${open.url}`, `uv publish --publish-url ${open.url}`])
    assert.ok(open.stderr().includes(`  ${line} dist/*\n`), line)
  await eventually(() => open.stderr().includes('\nFound 0 files of 0 projects\n'))
  assert.equal(quiet.stderr(), `Listening on ${quiet.url}\n`)
})

test('attestations are taken as the file says that is named, and a file that is none ends the start', async (t) => {
  const folder = temporaryDirectory(t)
  const file = join(folder, 'attestations.json')
  const publishers = [{ issuer: 'https://issuer.test', identity: 'https://a.test/*' }]
  writeFileSync(file, JSON.stringify({ trustedRoot: 'trusted_root.json', publishers }))
  const server = await start(t, { directory: temporaryDirectory(t), args: ['--attestations', file] })
  await eventually(() => /Warning: attestations: trustedRoot cannot be read \(ENOENT\)/.test(server.stderr()))
  for (const text of ['{', '"off"', '{"trustedRoot": "x"}']) {
    writeFileSync(file, text)
    const { status, err } = command('run', '-p', '0', '--attestations', file, folder)
    assert.deepEqual([status, /attestations/.test(err)], [2, true], text)
  }
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

test('names that --private tells, in words and in a file, are never redirected', async (t) => {
  const file = join(temporaryDirectory(t), 'ours')
  writeFileSync(file, '# ours\nInternal.Tool # the one\n\nteam-*\n')
  const args = ['--private', 'acme-*', '--private', `@${file}`]
  const { url } = await start(t, { directory: temporaryDirectory(t), args })
  for (const name of ['acme-tools', 'internal-tool', 'team-x']) {
    assert.equal((await fetch(`${url}simple/${name}/`, { redirect: 'manual' })).status, 404, name)
  }
  assert.equal((await fetch(`${url}simple/other/`, { redirect: 'manual' })).status, 303)
})

test('a private name that would protect nothing ends the start of run and update with the same line', (t) => {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'missing')
  for (const [word, text] of [
    ['one two', 'argument --private: "one two" is no project name, with or without *; repeat it for each'],
    [`@${file}`, `argument --private: cannot read ${file}: ENOENT`],
  ] as const) {
    for (const args of [['run', '-p', '0'], ['update']]) {
      const { status, err } = command(...args, '--private', word, directory)
      assert.deepEqual([status, err], [2, `pypi-server: error: ${text}\n`])
    }
  }
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
  [['--health-endpoint', 'x'], /argument --health-endpoint: "x"/],
  [['--fallback-url', 'foobar'], /argument --fallback-url: "foobar" is not an http or https address/],
  [['--fallback-url', 'http://h/simple?x=1'], /argument --fallback-url: .* without a query/],
  [['--fallback-url', 'http://h/simple/#x'], /argument --fallback-url: .* without a query/],
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

for (const [title, option, content, text] of [
  ['a welcome page that is missing', '--welcome', undefined, /^cannot read the welcome page \/.*: ENOENT$/],
  [
    'a welcome page that is not UTF-8',
    '--welcome',
    Buffer.from([0xff]),
    /^cannot read the welcome page .*: it is not UTF-8$/,
  ],
  ['a welcome page with code in it', '--welcome', '{{1+1}}', /^welcome: "\{\{1\+1\}\}" is none of URL, VERSION, /],
  ['a log file that cannot be opened', '--log-file', undefined, /^cannot open the log file \/.*: ENOENT$/],
] as const) {
  test(`${title} is told in one line, before anything is created`, (t) => {
    const file = join(temporaryDirectory(t), content === undefined ? 'missing/file' : 'file')
    if (content !== undefined) writeFileSync(file, content)
    const packages = join(temporaryDirectory(t), 'packages')
    const { status, err } = command('run', '-p', '0', option, file, packages)
    const [, line = ''] = /^pypi-server: error: ([^\n]+)\n$/.exec(err) ?? []
    assert.equal(status, 2)
    assert.match(line, text)
    assert.throws(() => statSync(packages), { code: 'ENOENT' })
  })
}

test('a host that is none of this machine is told in one line', (t) => {
  const { status, err } = command('run', '-p', '0', '-i', '192.0.2.1', temporaryDirectory(t))
  assert.deepEqual([status, err], [1, 'pypi-server: error: 192.0.2.1 is no address of this machine: see -i\n'])
})

test('a password file that is missing is warned of, and used once it is there', async (t) => {
  const passwords = join(temporaryDirectory(t), 'htpasswd')
  const { url, stderr } = await start(t, { directory: temporaryDirectory(t), args: ['-P', passwords] })
  assert.match(
    stderr(),
    /^Warning: cannot read the password file \/.*: ENOENT; nobody can log in until that is repaired$/m,
  )
  const post = async (): Promise<number> =>
    (await fetch(url, { method: 'POST', body: uploadForm(demo), headers: basic('ann', 'secret') })).status
  assert.equal(await post(), 503)
  copyFileSync(passwordFile(t), passwords)
  await eventually(async () => (await post()) === 200)
})

test('what is accepted for compatibility only is told at start', async (t) => {
  const args = ['--server', 'gunicorn', '--backend', 'cached-dir']
  const { stderr } = await start(t, { directory: temporaryDirectory(t), args })
  assert.match(stderr(), /^--server gunicorn: the HTTP server of Node is used/m)
  assert.match(stderr(), /^--backend cached-dir: there is one backend/m)
})

test('the old form serves, and tells the new one', async (t) => {
  const directory = temporaryDirectory(t)
  const child = spawn(process.execPath, [main, '-p', '0', '-i', '127.0.0.1', directory])
  t.after(() => child.kill('SIGKILL'))
  let err = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const url = await eventually(() => /^Listening on (\S+)$/m.exec(err)?.[1])
  assert.ok(err.startsWith('WARNING: ') && err.includes(`\n  pypi-server run -p 0 -i 127.0.0.1 ${directory}\n`), err)
  assert.equal((await fetch(`${url}health`)).status, 200)
  child.kill('SIGINT')
  assert.deepEqual(await once(child, 'exit'), [0, null])
})

test('a directory behind a symbolic link is served', async (t) => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, demo.filename), demo.bytes)
  const link = join(temporaryDirectory(t), 'link')
  symlinkSync(directory, link, 'junction')
  const { url, stderr } = await start(t, { directory: link })
  await eventually(() => stderr().includes(`Serving ${directory}\n`))
  assert.equal((await fetch(`${url}packages/${demo.filename}`)).status, 200)
})

test('~ is the home directory', async (t) => {
  const home = temporaryDirectory(t)
  const args = ['--log-file', '~/server.log', '--cache-control', '0']
  const { url, stderr } = await start(t, { directory: '~/packages', args, env: { ...process.env, HOME: home } })
  assert.ok(stderr().includes(`Created ${join(home, 'packages')}`))
  await fetch(`${url}health`)
  await eventually(() => statSync(join(home, 'server.log')).size > 0)
})

test('a reader of the log that goes away does not end the server', async (t) => {
  const { url, process: child } = await start(t, { directory: temporaryDirectory(t) })
  child.stdout?.destroy()
  for (const _ of [1, 2, 3]) assert.equal((await fetch(`${url}health`)).status, 200)
})

test('--version tells the version and nothing else, also behind a command', () => {
  for (const args of [['--version'], ['run', '--version'], ['update', '--version']]) {
    assert.deepEqual(command(...args), { status: 0, out: `${version}\n`, err: '' })
  }
})

test('--help tells of every option with its default, and of examples', () => {
  const helps = [command('--help'), command('run', '-h'), command('update', '--help')]
  for (const { status, out, err } of helps) {
    assert.deepEqual([status, err], [0, ''])
    for (const text of [
      '--verbose',
      '--log-file',
      '--log-stream',
      '--log-frmt',
      '%(asctime)s|%(name)s',
      '--hash-algo',
    ]) {
      assert.ok(out.includes(text), text)
    }
  }
  const [, run] = helps
  for (const text of [
    ...['--port', '-H, --interface, --host', '--passwords', '--authenticate', '--overwrite', '--max-upload'],
    ...['--disable-fallback', '--fallback-url', '--welcome', '--health-endpoint', '--cache-control', '--server METHOD'],
    ...['--server-base-url', '--log-req-frmt', '--log-res-frmt', '--log-err-frmt', 'examples:', 'htpasswd -B'],
  ]) {
    assert.ok(run?.out.includes(text), text)
  }
})

test('--help of the old form is that of run', () => {
  assert.deepEqual(command('-p', '80', '--help').out, command('run', '--help').out)
})
