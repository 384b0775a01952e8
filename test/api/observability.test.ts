import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { pino } from 'pino'
import { type Config, type DiagnosticsMap, type Logger, silentLogger } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { basic, type IndexServer, serveIndex, uploadForm } from '../helpers/index-server.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

async function serveCounted(t: TestContext, config: Partial<Config> = {}): Promise<IndexServer> {
  const server = await serveIndex(t, { metricsEndpoint: '/metrics', ...config })
  writeFileSync(join(server.root, demo.filename), demo.bytes)
  return server
}

/** Reads an answer to its end, after which it is counted. */
async function read(response: Promise<Response>): Promise<Response> {
  const answered = await response
  await answered.arrayBuffer()
  return answered
}

/** Fulfils once a line stands in the metrics: an answer is counted when it was sent, which clients see a little earlier. */
async function counted({ app }: IndexServer, ...lines: readonly string[]): Promise<void> {
  const isThere = (line: string): boolean => app.metrics().split('\n').includes(`pypi_server_${line}`)
  // The assertion says which lines there are.
  await eventually(() => lines.every(isThere)).catch(() => {})
  assert.deepEqual(
    lines.filter((line) => !isThere(line)),
    [],
    app.metrics(),
  )
}

test('pypi_server_info tells the version', async (t) => {
  const { request, app } = await serveCounted(t)
  const response = await request('/metrics')
  assert.deepEqual(
    [response.status, response.headers.get('content-type'), response.headers.get('cache-control')],
    [200, 'text/plain; version=0.0.4; charset=utf-8', 'no-store'],
  )
  assert.match(await response.text(), /^pypi_server_info\{version="\d+\.\d+\.\d+"\} 1$/m)
  assert.match(app.metrics(), /# TYPE pypi_server_info gauge/)
})

test('pypi_server_requests_total counts by method, route and status', async (t) => {
  const server = await serveCounted(t)
  for (const path of ['/simple/demo/', '/simple/demo/', '/simple/other/'])
    await read(server.request(path, { method: 'GET' }))
  await read(server.request('/simple/', { method: 'HEAD' }))
  await counted(
    server,
    'requests_total{method="GET",route="/simple/:project/",status="200"} 2',
    'requests_total{method="GET",route="/simple/:project/",status="404"} 1',
    'requests_total{method="HEAD",route="/simple/",status="200"} 1',
  )
})

test('pypi_server_response_bytes_total counts what files and pages have', async (t) => {
  const server = await serveCounted(t)
  await read(server.request('/simple/demo/'))
  for (const range of ['bytes=0-9', 'bytes=0-4'])
    await read(server.request(`/packages/${demo.filename}`, { headers: { range } }))
  await read(server.request(`/packages/${demo.filename}`, { method: 'HEAD' }))
  await counted(server, 'response_bytes_total{route="/packages/*"} 15')
})

test('pypi_server_request_duration_seconds counts every request once, up to its bound and in all above', async (t) => {
  const server = await serveCounted(t)
  for (const _ of [1, 2, 3]) await read(server.request('/health'))
  await counted(
    server,
    'request_duration_seconds_bucket{route="/health",le="300"} 3',
    'request_duration_seconds_bucket{route="/health",le="+Inf"} 3',
    'request_duration_seconds_count{route="/health"} 3',
  )
  const [, sum] = /_sum\{route="\/health"\} (\S+)/.exec(server.app.metrics()) ?? []
  assert.ok(Number(sum) > 0 && Number(sum) < 60)
})

test('pypi_server_changes_total and pypi_server_published_bytes_total count uploads, yanks, statuses and removals', async (t) => {
  const server = await serveIndex(t, { metricsEndpoint: '/metrics' })
  await read(server.post(uploadForm(demo)))
  const change = (method: string, path: string, body?: string): Promise<Response> =>
    read(server.request(path, { method, ...(body && { body, headers: { 'content-type': 'application/json' } }) }))
  await change('PUT', '/api/projects/demo/releases/1.0/yank')
  await change('PUT', '/api/projects/demo/status', '{"status":"archived"}')
  await change('DELETE', '/api/projects/demo')
  const kinds = ['publish', 'yank', 'status', 'remove'].map((kind) => `changes_total{kind="${kind}"} 1`)
  await counted(server, ...kinds, `published_bytes_total ${demo.bytes.length}`)
})

test('metrics name neither projects, users, addresses nor methods that clients make up', async (t) => {
  const server = await serveCounted(t, { auther: () => true, authenticate: ['list'] })
  await read(server.request('/simple/demo/', { headers: basic('ann', 'secret') }))
  await read(server.request('/simple/demo/', { method: 'PATCH' }))
  await counted(server, 'requests_total{method="other",route="none",status="405"} 1')
  assert.doesNotMatch(server.app.metrics(), /demo|ann|127\.0\.0\.1|PATCH/)
})

test('the metrics endpoint answers what the host makes of it, now or later', async (t) => {
  const gatherMetrics = async (own: string): Promise<string> => `${own}# and more\n`
  const server = await serveIndex(t, { metricsEndpoint: '/metrics', gatherMetrics })
  assert.match(await (await server.request('/metrics')).text(), /pypi_server_info.*# and more\n$/s)
  const failing = await serveIndex(t, {
    metricsEndpoint: '/metrics',
    gatherMetrics: () => Promise.reject(new Error('x')),
  })
  assert.equal((await failing.request('/metrics')).status, 500)
})

test('without a metrics endpoint there is no such page, and counting begins when the host asks', async (t) => {
  const server = await serveIndex(t)
  assert.equal((await read(server.request('/metrics'))).headers.get('location'), './simple/metrics/')
  assert.doesNotMatch(server.app.metrics(), /requests_total\{/)
  await read(server.request('/health'))
  await counted(server, 'requests_total{method="GET",route="/health",status="200"} 1')
})

interface Line {
  readonly message: string
  readonly [key: string]: unknown
}

function recordingLogger(): { readonly lines: readonly Line[]; readonly logger: Logger } {
  const lines: Line[] = []
  const log = (details: object, message: string): void => void lines.push({ ...details, message })
  return { lines, logger: { debug: log, info: log, warn: log, error: log } }
}

test('the id of a request that a trusted proxy sent is in the answer and in the log', async (t) => {
  const { lines, logger } = recordingLogger()
  const { request } = await serveIndex(t, { logger })
  const response = await read(request('/simple/', { headers: { 'x-request-id': 'edge-7/a=b' } }))
  assert.equal(response.headers.get('x-request-id'), 'edge-7/a=b')
  await eventually(() => lines.length > 0)
  assert.deepEqual(
    lines.map(({ message, requestId }) => [message, requestId]),
    [['request', 'edge-7/a=b']],
  )
})

test('a request without an id that can be believed gets one of its own', async (t) => {
  const { lines, logger } = recordingLogger()
  const { request } = await serveIndex(t, { logger, trustProxy: ['192.0.2.1'] })
  const given = ['', 'from-a-stranger', 'two words', 'x'.repeat(129)]
  const ids: string[] = []
  for (const id of given) {
    const { headers } = await read(request('/simple/', { ...(id !== '' && { headers: { 'x-request-id': id } }) }))
    ids.push(headers.get('x-request-id') ?? '')
  }
  for (const id of ids) assert.match(id, uuid)
  await eventually(() => lines.length === ids.length)
  assert.deepEqual(
    lines.map(({ requestId }) => requestId),
    ids,
  )
})

test('ids that could forge a line or a header are not taken from a trusted proxy either', async (t) => {
  const { logger } = recordingLogger()
  const { request } = await serveIndex(t, { logger, trustProxy: true })
  for (const id of ['two words', 'x'.repeat(129), 'a"b'])
    assert.match(
      (await read(request('/', { headers: { 'x-request-id': id } }))).headers.get('x-request-id') ?? '',
      uuid,
    )
})

test('what failed has its id in the error line, the access line and the answer', async (t) => {
  const { lines, logger } = recordingLogger()
  const auther = (): never => {
    throw new Error('the directory service is away')
  }
  const { request } = await serveIndex(t, { logger, auther, authenticate: ['list'] })
  const response = await read(request('/simple/', { headers: basic('ann', 'secret') }))
  const id = response.headers.get('x-request-id')
  assert.equal(response.status, 503)
  await eventually(() => lines.length === 2)
  assert.deepEqual(lines.map(({ message, requestId }) => [message, requestId]).sort(), [
    ['request failed', id],
    ['request', id],
  ])
})

test('where nobody could look an id up, there is none', async (t) => {
  const { request } = await serveIndex(t, { logger: silentLogger })
  assert.equal((await read(request('/simple/'))).headers.get('x-request-id'), null)
})

test('app.fetch passes ids on, too', async (t) => {
  const { app } = await serveIndex(t)
  const ask = (address?: string): Promise<Response> =>
    app.fetch(new Request('http://localhost/simple/', { headers: { 'x-request-id': 'r1' } }), {
      ...(address && { address }),
    })
  const ids = [await ask('127.0.0.1'), await ask('192.0.2.1'), await ask()].map(({ headers }) =>
    headers.get('x-request-id'),
  )
  assert.deepEqual(ids, ['r1', null, null])
})

/** Listeners to a channel hear of all apps of the process. */
type Channel = keyof DiagnosticsMap

/** Messages of this app on a channel. */
function listenTo<C extends Channel>(t: TestContext, { app }: IndexServer, name: C): readonly DiagnosticsMap[C][] {
  const messages: DiagnosticsMap[C][] = []
  const hear = (message: unknown): void => {
    const told = message as DiagnosticsMap[C]
    if (told.backend === app.backend) messages.push(told)
  }
  subscribe(name, hear)
  t.after(() => unsubscribe(name, hear))
  return messages
}

test('pypi-server:request tells of each request, once it is through', async (t) => {
  const server = await serveIndex(t)
  const messages = listenTo(t, server, 'pypi-server:request')
  await read(server.request('/health?ready', { headers: { 'user-agent': 'probe/1' } }))
  await eventually(() => messages.length > 0)
  const [{ requestId, address, ms, backend, ...rest } = assert.fail()] = messages
  assert.match(requestId, uuid)
  assert.ok(address !== '' && ms > 0 && backend === server.app.backend)
  const told = {
    user: null,
    method: 'GET',
    path: '/health',
    route: '/health',
    status: 200,
    bytes: 2,
    userAgent: 'probe/1',
  }
  assert.deepEqual(rest, told)
})

test('every event is told on the channel of its name', async (t) => {
  const server = await serveIndex(t, { auther: () => true })
  const [published, yanked, marked, removed] = [
    listenTo(t, server, 'pypi-server:publish'),
    listenTo(t, server, 'pypi-server:yank'),
    listenTo(t, server, 'pypi-server:status'),
    listenTo(t, server, 'pypi-server:remove'),
  ]
  const headers = basic('ann', 'secret')
  await read(server.post(uploadForm(demo), { headers }))
  const change = (method: string, path: string, body?: string): Promise<Response> =>
    read(
      server.request(path, {
        method,
        headers: { ...headers, ...(body && { 'content-type': 'application/json' }) },
        ...(body && { body }),
      }),
    )
  await change('PUT', '/api/projects/demo/releases/1.0/yank')
  await change('PUT', '/api/projects/demo/status', '{"status":"archived"}')
  await change('DELETE', '/api/projects/demo')
  for (const { file, user } of [...published, ...yanked, ...removed])
    assert.deepEqual([file.filename, user], [demo.filename, 'ann'])
  assert.deepEqual([published.length, yanked.length, removed.length], [1, 1, 1])
  assert.deepEqual(
    marked.map(({ project, status }) => [project, status.status]),
    [['demo', 'archived']],
  )
})

test('a pino logger fits as it is', async (t) => {
  const output = new PassThrough()
  const { request } = await serveIndex(t, { logger: pino({ level: 'debug' }, output) })
  const response = await read(request('/simple/', { headers: { 'user-agent': 'pip/26' } }))
  const line = JSON.parse(String(await new Promise((fulfil) => output.once('data', fulfil))))
  const { level, msg, path, route, status, userAgent, requestId } = line
  assert.deepEqual([level, msg, path, route, status, userAgent], [30, 'request', '/simple/', '/simple/', 200, 'pip/26'])
  assert.equal(requestId, response.headers.get('x-request-id'))
})

test('a pino logger tells why a request failed, with the stack', async (t) => {
  const output = new PassThrough()
  const auther = (): never => {
    throw new Error('the directory service is away')
  }
  const logger = pino({ level: 'error' }, output)
  const { request } = await serveIndex(t, { logger, auther, authenticate: ['list'] })
  await read(request('/simple/', { headers: basic('ann', 'secret') }))
  const { level, msg, err } = JSON.parse(String(output.read()))
  assert.deepEqual([level, msg], [50, 'request failed'])
  assert.match(err.stack, /the directory service is away/)
})
