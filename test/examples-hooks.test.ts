import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { wheel } from './helpers/archives.js'
import { eventually } from './helpers/eventually.js'
import { type Environment, type Example, exampleFile, startExample } from './helpers/example.js'
import { basic, uploadForm } from './helpers/index-server.js'
import { temporaryDirectory } from './helpers/temporary.js'
import { unusedPort } from './helpers/unused-port.js'

const demo = wheel({ name: 'demo', version: '1.0' })
const large = wheel({
  name: 'large',
  version: '1.0',
  method: 'stored',
  files: { 'large/data': Buffer.alloc(300_000, 'x') },
})
const ann = basic('ann', 'secret')

interface Uploading extends Example {
  readonly upload: (file: typeof demo) => Promise<Response>
}

/** Starts an example over an empty directory. */
async function start(t: TestContext, name: string, environment: Environment): Promise<Uploading> {
  const PASSWORDS = join(temporaryDirectory(t), 'htpasswd')
  writeFileSync(PASSWORDS, 'ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n')
  const example = await startExample(t, [exampleFile(name)], { ROOT: temporaryDirectory(t), PASSWORDS, ...environment })
  const upload: Uploading['upload'] = (file) =>
    fetch(example.url, { method: 'POST', body: uploadForm(file), headers: ann })
  return { ...example, upload }
}

async function portOf(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A clamd that finds something in what holds `xxxx`, and takes at most `limit` bytes; tells what it was shown. */
async function startClamd(
  t: TestContext,
  limit = Number.POSITIVE_INFINITY,
): Promise<{ port: string; shown: Buffer[] }> {
  const shown: Buffer[] = []
  const server = createServer((socket) => {
    let received = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      received = Buffer.concat([received, data])
      if (received.length > limit) return void socket.end('INSTREAM size limit exceeded. ERROR\0')
      const file = framedFile(received)
      if (file === undefined) return
      shown.push(file)
      socket.end(file.includes('xxxx') ? 'stream: Demo-Signature FOUND\0' : 'stream: OK\0')
    })
  })
  return { port: String(await portOf(t, server)), shown }
}

/** The file in clamd's INSTREAM form, once all of it is there. */
function framedFile(received: Buffer): Buffer | undefined {
  const command = 'zINSTREAM\0'
  assert.equal(received.subarray(0, command.length).toString(), command.slice(0, received.length))
  const chunks: Buffer[] = []
  for (let at = command.length; at + 4 <= received.length; ) {
    const length = received.readUInt32BE(at)
    if (length === 0) return Buffer.concat(chunks)
    chunks.push(received.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return undefined
}

test('examples/virus-scan.ts shows every byte to clamd, and refuses what it finds something in', async (t) => {
  const { port, shown } = await startClamd(t)
  const { url, upload, end } = await start(t, 'virus-scan', { CLAMD_PORT: port })
  assert.equal((await upload(demo)).status, 200)
  const refused = await upload(large)
  assert.equal(refused.status, 400)
  assert.match(await refused.text(), new RegExp(`${large.filename} has Demo-Signature in it`))
  assert.deepEqual(shown, [Buffer.from(demo.bytes), Buffer.from(large.bytes)])
  const page = await (await fetch(`${url}simple/`)).text()
  assert.deepEqual([page.includes('demo'), page.includes('large')], [true, false])
  assert.deepEqual(await end(), [0, null])
})

test('examples/virus-scan.ts takes nothing that clamd cannot scan', async (t) => {
  const { port } = await startClamd(t, 1000)
  for (const CLAMD_PORT of [port, String(await unusedPort())]) {
    const { url, upload } = await start(t, 'virus-scan', { CLAMD_PORT })
    assert.equal((await upload(large)).status, 503)
    assert.doesNotMatch(await (await fetch(`${url}simple/`)).text(), /large/)
  }
})

test('examples/webhook.ts tells of an upload, signed, until somebody takes it', async (t) => {
  const told: { body: string; signature: unknown }[] = []
  const receiver = createHttpServer(async (req, res) => {
    told.push({ body: await text(req), signature: req.headers['x-signature-256'] })
    res.writeHead(told.length < 3 ? 500 : 204).end()
  })
  const port = await portOf(t, receiver)
  const WEBHOOK = `http://127.0.0.1:${port}/published`
  const { upload, end } = await start(t, 'webhook', { WEBHOOK, WEBHOOK_SECRET: 'shared', PAUSE_MS: '1' })
  assert.equal((await upload(demo)).status, 200)
  await eventually(() => told.length === 3)
  const [{ body, signature } = { body: '', signature: '' }, ...again] = told
  const { event, project, filename, user } = JSON.parse(body) as Record<string, string>
  assert.deepEqual([event, project, filename, user], ['publish', 'demo', demo.filename, 'ann'])
  assert.equal(signature, `sha256=${createHmac('sha256', 'shared').update(body).digest('hex')}`)
  assert.deepEqual(again, [told[0], told[0]])
  assert.deepEqual(await end(), [0, null])
})

test('examples/webhook.ts answers an upload while its receiver says nothing', async (t) => {
  const silent = createServer((socket) => t.after(() => socket.destroy()))
  const asked = once(silent, 'connection')
  const WEBHOOK = `http://127.0.0.1:${await portOf(t, silent)}/`
  const { upload } = await start(t, 'webhook', { WEBHOOK })
  assert.equal((await upload(demo)).status, 200)
  await asked
})

test('examples/audit.ts has a line for every change, in their order', async (t) => {
  const AUDIT = join(temporaryDirectory(t), 'changes.jsonl')
  const { url, upload, end } = await start(t, 'audit', { AUDIT })
  for (const file of [demo, large]) assert.equal((await upload(file)).status, 200)
  const yank = `${url}api/projects/demo/files/${demo.filename}/yank`
  const yanked = await fetch(yank, {
    method: 'PUT',
    headers: { ...ann, 'content-type': 'application/json' },
    body: '{"reason":"broken"}',
  })
  assert.ok(yanked.ok, await yanked.text())
  assert.ok((await fetch(yank, { method: 'DELETE', headers: ann })).ok)
  assert.deepEqual(await end(), [0, null])
  const lines = readFileSync(AUDIT, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, string>)
  assert.deepEqual(
    lines.map(({ action, user, filename }) => [action, user, filename]),
    [
      ['publish', 'ann', demo.filename],
      ['publish', 'ann', large.filename],
      ['yank', 'ann', demo.filename],
      ['unyank', 'ann', demo.filename],
    ],
  )
  assert.equal(lines[2]?.['reason'], 'broken')
})
