import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { fileHead, formHead, rawClient } from '../helpers/raw-client.js'
import { type RunningServer, startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const open = ['-P', '.', '-a', '.']

interface Started extends RunningServer {
  readonly directory: string
  readonly exited: Promise<unknown>
  readonly spooled: () => readonly string[]
}

async function start(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Started> {
  const directory = temporaryDirectory(t)
  const server = await startServer({ directory, args, env: { ...process.env, ...env } })
  t.after(() => server.stop())
  const spool = join(directory, '.pypi-server', 'spool')
  const spooled = (): readonly string[] => (existsSync(spool) ? readdirSync(spool) : [])
  return { ...server, directory, spooled, exited: once(server.process, 'exit') }
}

const upload = (...headers: readonly string[]): readonly [head: string, body: Buffer] => {
  const start = `--b\r\nContent-Disposition: form-data; name=":action"\r\n\r\nfile_upload\r\n${fileHead(demo.filename)}`
  const body = Buffer.concat([Buffer.from(start), demo.bytes, Buffer.from('\r\n--b--\r\n')])
  return [formHead(body.length, ...headers), body]
}

test('a client that asks first is told to go on once it is let in, and refused before it sends anything', async (t) => {
  const directory = temporaryDirectory(t)
  const passwords = join(directory, 'htpasswd')
  writeFileSync(passwords, 'ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n')
  const { url } = await start(t, ['-P', passwords])
  const expect = 'Expect: 100-continue'
  const stranger = await rawClient(t, url)
  stranger.send(upload(expect)[0])
  assert.match(await stranger.until(/\r\n\r\n/), /^HTTP\/1.1 401 /)
  const login = `Authorization: Basic ${Buffer.from('ann:secret').toString('base64')}`
  const tooLarge = await rawClient(t, url)
  tooLarge.send(formHead(2 * 1024 ** 3, expect, login))
  assert.match(await tooLarge.until(/\r\n\r\n/), /^HTTP\/1.1 413 /)
  const ann = await rawClient(t, url)
  const [head, body] = upload(expect, login)
  ann.send(head)
  assert.match(await ann.until(/\r\n\r\n/), /^HTTP\/1.1 100 Continue\r\n\r\n$/)
  ann.send(body)
  assert.match(await ann.until(/HTTP\/1.1 200 /), /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/)
})

test('what is no request is answered in one way, without any of it, and its connection ends', async (t) => {
  const { url } = await start(t, [])
  for (const [sent, status] of [
    ['<script>alert(1)</script>\r\n\r\n', '400 Bad Request'],
    ['GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', '400 Bad Request'],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, '431 Request Header Fields Too Large'],
    [`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, '414 URI Too Long'],
  ] as const) {
    const client = await rawClient(t, url)
    client.send(sent)
    const answer = await client.ended()
    assert.ok(answer.startsWith(`HTTP/1.1 ${status}\r\nConnection: close\r\n`), `${sent.slice(0, 40)}: ${answer}`)
    assert.doesNotMatch(answer, /script|xxx/)
  }
})

test('a connection above the limit is refused, and those that are there go on', async (t) => {
  const { url } = await start(t, ['--max-connections', '1'])
  const first = await rawClient(t, url)
  const second = await rawClient(t, url)
  assert.equal(await second.ended(), '')
  first.send('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.match(await first.until(/Ok$/), /^HTTP\/1.1 200 /)
})

test('connections on which nothing was asked do not keep the command from ending', async (t) => {
  const { url, process: child, exited } = await start(t, ['--grace', '3600'])
  const silent = await rawClient(t, url)
  const half = await rawClient(t, url)
  half.send('GET /health HTTP/1.1\r\n')
  const idle = await rawClient(t, url)
  idle.send('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
  await idle.until(/Ok$/)
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
  assert.equal((await silent.ended()) + (await half.ended()), '')
})

test('what runs when the grace is over is cut, and leaves nothing', async (t) => {
  const { url, process: child, exited, spooled, directory } = await start(t, [...open, '--grace', '0'])
  const client = await rawClient(t, url)
  client.send(formHead(100_000), fileHead(demo.filename), 'PK')
  await eventually(() => spooled().length === 1)
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null])
  assert.deepEqual([spooled(), readdirSync(directory)], [[], ['.pypi-server']])
})

test('while the command ends, answers say so, and readiness is over', async (t) => {
  const { url, process: child, exited, spooled } = await start(t, open)
  const client = await rawClient(t, url)
  const [head, body] = upload()
  client.send(head, body.subarray(0, -2))
  await eventually(() => spooled().length === 1)
  child.kill('SIGTERM')
  await eventually(() =>
    fetch(`${url}health`).then(
      () => false,
      () => true,
    ),
  )
  client.send(body.subarray(-2), 'GET /health?ready HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.match(await client.ended(), /^HTTP\/1.1 200 OK\r\n[\s\S]*connection: close\r\n/i)
  assert.deepEqual(await exited, [0, null])
})

test('a second signal ends the command at once', async (t) => {
  const { url, process: child, exited, spooled } = await start(t, [...open, '--grace', '3600'])
  const client = await rawClient(t, url)
  client.send(formHead(100_000), fileHead(demo.filename), 'PK')
  await eventually(() => spooled().length === 1)
  child.kill('SIGTERM')
  await eventually(() =>
    fetch(`${url}health`).then(
      () => false,
      () => true,
    ),
  )
  child.kill('SIGTERM')
  assert.deepEqual(await exited, [130, null])
})

for (const [what, code] of [
  ['an error that nobody caught', "throw new Error('boom')"],
  ['a rejection that nobody handled', "Promise.reject(new Error('boom'))"],
] as const) {
  test(`${what} is told and ends the command with 70, after the running request`, async (t) => {
    const trap = `data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2', () => { ${code} })`)}`
    const server = await start(t, open, { NODE_OPTIONS: `--import=${trap}` })
    const client = await rawClient(t, server.url)
    const [head, body] = upload()
    client.send(head, body.subarray(0, -2))
    await eventually(() => server.spooled().length === 1)
    server.process.kill('SIGUSR2')
    await eventually(() => /^Error: boom\n +at /m.test(server.stderr()))
    client.send(body.subarray(-2))
    assert.match(await client.ended(), /^HTTP\/1.1 200 OK\r\n/)
    assert.deepEqual(await server.exited, [70, null])
  })
}
