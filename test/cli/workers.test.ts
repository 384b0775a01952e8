import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { uploadForm } from '../helpers/index-server.js'
import { fileHead, formHead, type RawClient, rawClient } from '../helpers/raw-client.js'
import { mainScript, type RunningServer, startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const open = ['-P', '.', '-a', '.']
/** A process more to start for each test, on a machine that may be busy. */
const limits = { timeout: 120_000 }
const waitMs = 30_000

interface Started extends RunningServer {
  readonly directory: string
  /** Lines of the log, each with the process that wrote it in front. */
  readonly log: () => readonly string[]
  /** Processes that have answered requests. */
  readonly answering: () => ReadonlySet<number>
  readonly exited: Promise<unknown>
  readonly spooled: () => readonly string[]
}

interface Start {
  readonly args?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly leadsGroup?: boolean
  readonly workers?: number
  readonly directory?: string
}

/** Two workers, of which each has answered. */
async function start(t: TestContext, options: Start = {}): Promise<Started> {
  const { args = [], env = {}, leadsGroup = false, workers = 2 } = options
  const { directory = temporaryDirectory(t) } = options
  const server = await startServer({
    directory,
    args: ['--workers', String(workers), '--log-frmt', '%(process)d %(message)s', ...args],
    env: { ...process.env, ...env },
    leadsGroup,
  })
  t.after(() => server.stop())
  let out = ''
  server.process.stdout?.on('data', (text: string) => {
    out += text
  })
  const log = (): readonly string[] => out.split('\n').slice(0, -1)
  const answering = (): ReadonlySet<number> => new Set(log().filter(isAccess).map(processOf))
  const spool = join(directory, '.pypi-server', 'spool')
  const spooled = (): readonly string[] => (existsSync(spool) ? readdirSync(spool) : [])
  const started = { ...server, directory, log, answering, spooled, exited: once(server.process, 'exit') }
  await allAnswer(started, workers)
  return started
}

async function allAnswer({ url, answering }: Pick<Started, 'url' | 'answering'>, count: number): Promise<void> {
  await eventually(async () => {
    await ask(`${url}health`)
    return answering().size >= count
  }, waitMs)
}

/** A request on a connection of its own: the next one goes to another worker. */
async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(url, { ...init, headers: { connection: 'close' } })
}

const isAccess = (line: string): boolean => /"[A-Z]+ \//.test(line)
const processOf = (line: string): number => Number(line.split(' ', 1)[0])

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** An upload that runs, up to its last bytes. */
async function beginUpload(t: TestContext, { url, spooled }: Started): Promise<{ client: RawClient; rest: Buffer }> {
  const client = await rawClient(t, url)
  const field = `--b\r\nContent-Disposition: form-data; name=":action"\r\n\r\nfile_upload\r\n`
  const body = Buffer.concat([Buffer.from(field + fileHead(demo.filename)), demo.bytes, Buffer.from('\r\n--b--\r\n')])
  client.send(formHead(body.length), body.subarray(0, -2))
  await eventually(() => spooled().length === 1, waitMs)
  return { client, rest: body.subarray(-2) }
}

async function refuses(url: string): Promise<void> {
  await eventually(
    () =>
      ask(`${url}health`).then(
        () => false,
        () => true,
      ),
    waitMs,
  )
}

test('several workers answer on one port, and what is served is told once', limits, async (t) => {
  const { url, stderr, answering } = await start(t, { workers: 3 })
  assert.equal(answering().size, 3)
  await eventually(() => stderr().includes('\nFound 0 files of 0 projects\n'), waitMs)
  assert.equal(stderr().match(/^Listening on /gm)?.length, 1)
  assert.equal(stderr().match(/^Found /gm)?.length, 1)
  assert.match(stderr(), /^3 workers share the port$/m)
  assert.equal((await ask(`${url}simple/`)).status, 200)
})

test('what is uploaded to one worker is served by all', limits, async (t) => {
  const { url, log } = await start(t, { args: [...open, '--disable-fallback'] })
  assert.equal((await ask(url, { method: 'POST', body: uploadForm(demo) })).status, 200)
  const seen = new Set<number>()
  await eventually(async () => {
    const { status } = await ask(`${url}simple/demo/?${seen.size}`)
    const [line = ''] = log()
      .filter((each) => each.includes('"GET /simple/demo/"'))
      .slice(-1)
    if (status === 200 && line.includes(' 200 ')) seen.add(processOf(line))
    return seen.size === 2
  }, waitMs)
})

test('of a directory that nobody has read yet each file is digested by one worker', limits, async (t) => {
  const directory = temporaryDirectory(t)
  const names = Array.from({ length: 12 }, (_, index) => `demo${index}`)
  for (const name of names) {
    const data = { 'data.bin': randomBytes(400_000) }
    const { filename, bytes } = wheel({ name, version: '1.0', files: data, method: 'stored' })
    writeFileSync(join(directory, filename), bytes)
  }
  const server = await start(t, { directory })
  const cache = join(directory, '.pypi-server', 'digests.jsonl')
  const written = (): readonly string[] =>
    existsSync(cache) ? [...readFileSync(cache, 'utf8').matchAll(/\["0\/([^"]+)"/g)].map(([, path = '']) => path) : []
  await eventually(() => new Set(written()).size === names.length, waitMs)
  for (const name of names) {
    for (let count = 0; count < 2; count += 1)
      assert.match(await (await ask(`${server.url}simple/${name}/`)).text(), /#sha256=[0-9a-f]{64}/)
  }
  server.process.kill('SIGTERM')
  await server.exited
  assert.equal(written().length, names.length)
})

test('a worker that is killed is replaced, and those that are left answer meanwhile', limits, async (t) => {
  const server = await start(t)
  const [victim = 0] = server.answering()
  process.kill(victim, 'SIGKILL')
  await eventually(() => server.log().some((line) => line.includes(`a worker ended and is replaced`)), waitMs)
  for (let count = 0; count < 20; count += 1) assert.equal((await ask(`${server.url}simple/`)).status, 200)
  await allAnswer(server, 3)
  assert.equal(isAlive(victim), false)
  // The replacement tells nobody again where it listens.
  assert.equal(server.stderr().match(/^Listening on /gm)?.length, 1)
})

test('the port stays the same when all workers are killed at once', limits, async (t) => {
  const server = await start(t)
  for (const pid of server.answering()) process.kill(pid, 'SIGKILL')
  await eventually(() => server.log().filter((line) => line.includes('a worker ended')).length === 2, waitMs)
  const isBack = (): Promise<boolean> =>
    ask(`${server.url}health`).then(
      ({ ok }) => ok,
      () => false,
    )
  await eventually(isBack, waitMs)
})

for (const [title, signal, target] of [
  ['SIGTERM to the command', 'SIGTERM', 'process'],
  ['SIGTERM to all processes at once, as systemd sends it,', 'SIGTERM', 'group'],
  ['Ctrl-C, which all processes hear of,', 'SIGINT', 'group'],
] as const) {
  test(`${title} ends it with 0 once running requests are through`, {
    ...limits,
    skip: process.platform === 'win32' && 'no signals to groups',
  }, async (t) => {
    const server = await start(t, { args: [...open, '--grace', '60'], leadsGroup: true })
    const { client, rest } = await beginUpload(t, server)
    const { pid = 0 } = server.process
    process.kill(target === 'group' ? -pid : pid, signal)
    await refuses(server.url)
    client.send(rest)
    assert.match(await client.ended(), /^HTTP\/1.1 200 OK\r\n/)
    assert.deepEqual(await server.exited, [0, null])
    assert.ok(existsSync(join(server.directory, demo.filename)))
    await eventually(() => [...server.answering()].every((worker) => !isAlive(worker)), waitMs)
  })
}

test('a second signal ends the command at once with 130, and its workers with it', limits, async (t) => {
  const server = await start(t, { args: [...open, '--grace', '3600'] })
  await beginUpload(t, server)
  server.process.kill('SIGTERM')
  await refuses(server.url)
  server.process.kill('SIGTERM')
  assert.deepEqual(await server.exited, [130, null])
  await eventually(() => [...server.answering()].every((pid) => !isAlive(pid)), waitMs)
})

test('no worker is left when the process that supervises them is killed', limits, async (t) => {
  const server = await start(t, { args: open })
  await beginUpload(t, server)
  server.process.kill('SIGKILL')
  assert.deepEqual(await server.exited, [null, 'SIGKILL'])
  await eventually(() => [...server.answering()].every((pid) => !isAlive(pid)), waitMs)
})

function command(env: NodeJS.ProcessEnv, ...args: readonly string[]): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [mainScript, 'run', ...args], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...env },
  })
}

test(
  'what goes wrong at the start is told once, in the line and with the exit code of a single process',
  limits,
  async (t) => {
    const blocker = createServer().listen(0, '127.0.0.1')
    t.after(() => blocker.close())
    await once(blocker, 'listening')
    const { port } = blocker.address() as AddressInfo
    const directory = temporaryDirectory(t)
    const missing = join(directory, 'missing', 'file')
    for (const [expected, ...args] of [
      [1, '-i', '127.0.0.1', '-p', String(port)],
      [1, '-p', '0', '-i', '192.0.2.1'],
      [2, '-p', '0', '--log-file', missing],
      [2, '-p', '0', '--welcome', missing],
    ] as const) {
      const [alone, several] = [1, 4].map((workers) => command({}, '--workers', String(workers), ...args, directory))
      assert.match(several?.stderr ?? '', /^pypi-server: error: [^\n]+\n$/)
      assert.deepEqual([several?.status, several?.stderr], [expected, alone?.stderr])
    }
  },
)

test('a worker that dies before anything listens ends the command with its exit code', limits, (t) => {
  const code = `import cluster from 'node:cluster'; if (cluster.isWorker) process.exit(3)`
  const trap = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` }
  const { status, stderr } = command(trap, '-p', '0', '--workers', '2', temporaryDirectory(t))
  assert.deepEqual([status, stderr.includes('Listening')], [3, false])
})

test('whichever worker is asked, metrics are those of all, and do not go back when one dies', limits, async (t) => {
  const server = await start(t, { args: ['--metrics-endpoint', '/metrics'] })
  const pages = async (): Promise<number> => {
    const text = await (await ask(`${server.url}metrics`)).text()
    assert.match(text, /^pypi_server_info\{version="[^"]+"\} 1$/m)
    const [, total] =
      /^pypi_server_requests_total\{method="GET",route="\/simple\/",status="200"\} (\d+)$/m.exec(text) ?? []
    return Number(total)
  }
  for (let count = 0; count < 6; count += 1) await ask(`${server.url}simple/`)
  assert.deepEqual([await pages(), await pages(), await pages()], [6, 6, 6])
  const [victim = 0] = server.answering()
  process.kill(victim, 'SIGKILL')
  await eventually(() => server.log().some((line) => line.includes('a worker ended')), waitMs)
  assert.equal(await pages(), 6)
})

test('lines that several workers log at the same time stay whole, however slowly they are read', limits, async (t) => {
  const file = join(temporaryDirectory(t), 'log')
  const server = await start(t, { args: ['--log-file', file] })
  const path = `simple/${'x'.repeat(2000)}`
  server.process.stdout?.pause()
  const requests = Array.from({ length: 200 }, (_, index) =>
    fetch(`${server.url}${path}-${index}/`, { headers: { connection: 'close', 'user-agent': 'a'.repeat(9000) } }),
  )
  // More than a pipe holds.
  const answers = Promise.all(requests)
  await eventually(() => readFileSync(file, 'utf8').split('\n').length > 40, waitMs)
  server.process.stdout?.resume()
  await answers
  const whole = new RegExp(`^\\d+ 127\\.0\\.0\\.1 - "GET /${path}-\\d+/" 404 \\S+ \\S+ a+… \\S+$`)
  const lines = (): readonly string[] => server.log().filter((line) => whole.test(line))
  await eventually(() => lines().length === 200, waitMs)
  const written = readFileSync(file, 'utf8').split('\n')
  assert.deepEqual(written.filter((line) => whole.test(line)).sort(), [...lines()].sort())
})

test('SIGHUP to the command opens the log anew in every worker', {
  ...limits,
  skip: process.platform === 'win32' && 'no SIGHUP',
}, async (t) => {
  const file = join(temporaryDirectory(t), 'log')
  const server = await start(t, { args: ['--log-file', file] })
  renameSync(file, `${file}.1`)
  server.process.kill('SIGHUP')
  await eventually(async () => {
    await ask(`${server.url}health`)
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
    return new Set(lines.filter(isAccess).map(processOf)).size === 2
  }, waitMs)
})

test('connections above the limit of all workers are refused, and those that are there go on', limits, async (t) => {
  const server = await start(t, { args: ['--max-connections', '2', '--keep-alive', '600'] })
  const held = [await rawClient(t, server.url), await rawClient(t, server.url)]
  const third = await rawClient(t, server.url)
  assert.equal(await third.ended(), '')
  for (const client of held) {
    client.send('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
    assert.match(await client.until(/Ok$/), /^HTTP\/1.1 200 /)
  }
})

for (const value of ['abc', '0', '257', '1.5', '-1', '']) {
  test(`--workers ${value || 'without a number'} is refused with 2 and one line`, (t) => {
    const { status, stderr } = command({}, '-p', '0', `--workers=${value}`, temporaryDirectory(t))
    assert.equal(status, 2)
    const line = stderr.trimEnd().split('\n').at(-1) ?? ''
    assert.match(line, /argument --workers: "[^"]*" is neither a whole number from 1 to 256 nor auto$/)
  })
}

test('a configuration file tells how many workers there are', limits, async (t) => {
  const folder = temporaryDirectory(t)
  const config = join(folder, 'index.json')
  writeFileSync(config, JSON.stringify({ workers: 2 }))
  const server = await startServer({ directory: folder, args: ['--config', config] })
  t.after(() => server.stop())
  assert.match(server.stderr(), /^2 workers share the port$/m)
})
