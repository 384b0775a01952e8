import assert from 'node:assert/strict'
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { eventually } from '../helpers/eventually.js'
import { type RunningServer, startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

interface LoggedServer extends RunningServer {
  readonly stdout: () => string
  readonly file: string
  readonly fileText: () => string
}

async function start(t: TestContext, ...args: readonly string[]): Promise<LoggedServer> {
  const file = join(temporaryDirectory(t), 'server.log')
  const server = await startServer({ directory: temporaryDirectory(t), args: [...args, '--log-file', file] })
  t.after(() => server.stop())
  let out = ''
  server.process.stdout?.on('data', (text: string) => {
    out += text
  })
  return {
    ...server,
    stdout: () => out,
    file,
    fileText: () => (statSync(file, { throwIfNoEntry: false }) ? readFileSync(file, 'utf8') : ''),
  }
}

const health = /127\.0\.0\.1 - "GET \/health" 200 2B \d+ms node [0-9a-f-]{36}/

test('stdout and the log file get the same lines in the default format', async (t) => {
  const { url, stdout, fileText } = await start(t)
  await fetch(`${url}health`)
  await eventually(() => stdout() !== '' && stdout() === fileText())
  const [, rest = ''] = /^\d{4}-\d\d-\d\d [\d:]{8},\d{3}\|(.*)\n$/.exec(stdout()) ?? []
  assert.match(rest, new RegExp(`^pypi-server\\.access\\|INFO\\|0\\|${health.source}$`))
})

test('the log goes to stderr in the format that was asked for', async (t) => {
  const { url, stdout, stderr, fileText } = await start(t, '--log-stream', 'STDERR', '--log-frmt', '<%(message)s>')
  await fetch(`${url}health`)
  await eventually(() => stderr().includes('GET /health'))
  assert.match(stderr(), new RegExp(`^<${health.source}>$`, 'm'))
  assert.match(fileText(), new RegExp(`^<${health.source}>\n$`))
  assert.equal(stdout(), '')
})

test('without a stream only the address and the log file are written', async (t) => {
  const { url, stdout, stderr, fileText } = await start(t, '--log-stream', 'none')
  await fetch(`${url}health`)
  await eventually(() => health.test(fileText()))
  assert.deepEqual([stdout(), stderr()], ['', `Listening on ${url}\n`])
})

test('the log file is appended to, and opened anew on SIGHUP', {
  skip: process.platform === 'win32' && 'no SIGHUP',
}, async (t) => {
  const { url, file, fileText, process: child } = await start(t, '--log-frmt', '%(message)s')
  writeFileSync(file, 'before\n')
  await fetch(`${url}health`)
  await eventually(() => fileText().split('\n').length === 3)
  assert.match(fileText(), /^before\n127/)
  renameSync(file, `${file}.1`)
  child.kill('SIGHUP')
  await eventually(async () => {
    await fetch(`${url}health`)
    return fileText().includes('GET /health')
  })
})

test('with -v requests and answers are logged in their formats, with the status that was sent', async (t) => {
  const formats = ['--log-req-frmt', 'Q %(bottle.request)s', '--log-res-frmt', 'A %(status)s %(headers)s']
  const { url, stdout } = await start(t, '-v', '--log-frmt', '%(message)s', '--disable-fallback', ...formats)
  await fetch(`${url}simple/no/?a=b`)
  await eventually(() => stdout().includes('\nA '))
  const lines = stdout().split('\n')
  assert.equal(lines[0], `Q <LocalRequest: GET ${url}simple/no/?a=b>`)
  assert.ok(
    lines.some((line) => /^A 404 Not Found \{.*'content-type': 'text/.test(line)),
    stdout(),
  )
})

test('the keys of requests are those of WSGI, and logins are never among them', async (t) => {
  const keys = ['REQUEST_METHOD', 'PATH_INFO', 'QUERY_STRING', 'REMOTE_ADDR', 'HTTP_USER_AGENT', 'HTTP_X_ODD']
  const format = `${keys.map((key) => `%(${key})s`).join('|')}|%(nope)s|%(HTTP_AUTHORIZATION)s|%(HTTP_COOKIE)s|%s`
  const { url, stdout } = await start(t, '-v', '--log-frmt', '%(message)s', '--log-req-frmt', format)
  const secret = Buffer.from('ann:secret').toString('base64')
  const headers = { 'user-agent': 'odd\tagent', 'x-odd': "a'b", authorization: `Basic ${secret}`, cookie: 'k=cookies' }
  request(`${url}simple/%C3%A9%0A/?a=b`, { headers }, (response) => response.resume()).end()
  const line = await eventually(() =>
    stdout()
      .split('\n')
      .find((text) => text.startsWith('GET|')),
  )
  assert.ok(
    line.startsWith("GET|/simple/é\\x0a/|a=b|127.0.0.1|odd\\x09agent|a'b|?nope?|***|***|{'bottle.request': "),
    line,
  )
  assert.ok(!stdout().includes(secret) && !stdout().includes('cookies'), stdout())
})
