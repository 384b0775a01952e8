import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { hash } from 'bcryptjs'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { basic, uploadForm } from '../helpers/index-server.js'
import { type RunningServer, startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import {
  guessPasswords,
  type Holdings,
  holdings,
  leftovers,
  openSlowConnections,
  quantile,
  repeat,
  watchHealth,
} from './burdens.js'
import { type Distribution, sha256, verifiedFiles } from './servers.js'
import { linux, tortureTest } from './torture-test.js'

const soakMs = Number(process.env['PYPI_TEST_SOAK_SECONDS'] ?? 60) * 1000
const burdenMs = 10_000
/** What the heap and the caches may have grown by between two looks under load: none of them is at its bound at once. */
const marginBytes = 96 * 1024 * 1024
/** Of threads that are started when they are needed first. */
const spareDescriptors = 16
const login = basic('ann', 'secret')

async function serveGuarded(t: TestContext, root: string): Promise<RunningServer> {
  const passwords = join(temporaryDirectory(t), 'htpasswd')
  writeFileSync(passwords, `ann:${await hash('secret', 10)}\n`)
  const server = await startServer({ directory: root, args: ['-P', passwords, '--keep-alive', '3'] })
  t.after(server.stop)
  return server
}

function distribution(version: string, size = 20_000): Distribution {
  return wheel({ name: 'demo', version, files: { payload: randomBytes(size / 2).toString('hex') }, method: 'stored' })
}

async function status(url: string | URL, init: RequestInit = {}): Promise<number> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(60_000), ...init })
  await answer.arrayBuffer().catch((error: unknown) => {
    throw new Error(`${init.method ?? 'GET'} ${url} broke off after ${answer.status}: ${String(error)}`, {
      cause: error,
    })
  })
  return answer.status
}

function send({ url }: RunningServer, file: Distribution): Promise<number> {
  return status(url, { method: 'POST', body: uploadForm(file), headers: login })
}

/** Everything at once for a while; tells how long `/health` took, sorted. */
async function burden(server: RunningServer, round: string): Promise<readonly number[]> {
  const stopping = new AbortController()
  const { signal } = stopping
  setMaxListeners(0, signal)
  await openSlowConnections(server, 200, signal)
  const endWatch = await watchHealth(server)
  const uploading = Array.from({ length: 16 }, (_, lane) =>
    repeat(signal, async (index) => {
      const answer = await send(server, distribution(`${round}.${lane}.${index}`))
      // Slow uploads hold turns, too: who finds none free is told to come again.
      assert.ok([200, 429, 503].includes(answer), `an upload is answered ${answer}`)
      if (answer !== 200) await setTimeout(100)
      return answer
    }),
  )
  const reading = Array.from({ length: 4 }, () =>
    repeat(signal, async () => {
      assert.equal(await status(`${server.url}simple/demo/`), 200)
      assert.equal(await status(`${server.url}packages/${first.filename}`), 200)
    }),
  )
  const guessing = guessPasswords(server, 64, signal)
  await setTimeout(burdenMs)
  stopping.abort()
  await Promise.all([...uploading, ...reading, guessing])
  return await endWatch()
}

const first = distribution('0')

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}

/** What a server holds once idle connections and files that are kept open for seconds are closed. */
async function atRest(server: RunningServer): Promise<Holdings> {
  await setTimeout(12_000)
  return holdings(server)
}

/** Connections, files and memory are given back, and nothing of uploads is left. */
async function assertBackTo(before: Holdings, server: RunningServer, root: string): Promise<void> {
  await eventually(() => holdings(server).descriptors <= before.descriptors + spareDescriptors, 30_000).catch(() => {
    assert.fail(`${holdings(server).descriptors} descriptors, ${before.descriptors} before`)
  })
  await eventually(() => holdings(server).residentBytes <= before.residentBytes + marginBytes, 30_000).catch(() => {
    assert.fail(`${holdings(server).residentBytes} bytes are resident, ${before.residentBytes} before`)
  })
  await eventually(() => leftovers(root).length === 0, 30_000).catch(() => assert.deepEqual(leftovers(root), []))
}

const title =
  '200 slow connections, 16 uploads and a flood of wrong passwords leave health quick, and nothing behind them'
tortureTest([linux], title, async (t) => {
  const root = temporaryDirectory(t)
  const server = await serveGuarded(t, root)
  assert.equal(await send(server, first), 200)
  // Code is compiled and caches fill: what is to be held against is a server that has worked.
  await burden(server, '1')
  const before = await atRest(server)
  const timesMs = await burden(server, '2')
  const [p50, p99, worst] = [0.5, 0.99, 1].map((share) => Math.round(quantile(timesMs, share)))
  t.diagnostic(`/health: ${timesMs.length} answers, p50 ${p50} ms, p99 ${p99} ms, worst ${worst} ms`)
  await assertBackTo(before, server, root)
  const { descriptors, residentBytes } = holdings(server)
  t.diagnostic(
    `${descriptors} descriptors (${before.descriptors} before), ${mebibytes(residentBytes)} resident (${mebibytes(before.residentBytes)})`,
  )
  assert.ok(timesMs.length > 20)
  assert.ok(quantile(timesMs, 0.99) < 200, `p99 of /health is ${p99} ms`)
})

tortureTest(
  [linux],
  `${soakMs / 1000} s of mixed load with faults lose nothing, tell nothing untrue, and leak nothing`,
  async (t) => {
    const [parent, outside] = [temporaryDirectory(t), temporaryDirectory(t)]
    const root = join(parent, 'root')
    mkdirSync(root)
    const server = await serveGuarded(t, root)
    assert.equal(await send(server, first), 200)
    const scene = { root, outside, sent: new Map([[first.filename, sha256(first.bytes)]]) }
    await faults(server, scene, 5000)
    const before = await atRest(server)
    const counts = await faults(server, scene, soakMs / 2)
    await assertBackTo(before, server, root)
    const { descriptors, residentBytes } = holdings(server)
    t.diagnostic(`${JSON.stringify(counts)}; ${descriptors} descriptors, ${mebibytes(residentBytes)}`)
    t.diagnostic(JSON.stringify(await faults(server, scene, soakMs / 2, { vanishings: vanish })))
    await assertAllThere(server, scene)
    assert.equal(server.process.exitCode, null)
    await server.stop()
    // What was cut off while the directory was away lies there until the next start, or for a day.
    await assertAllThere(await serveGuarded(t, root), scene)
    await eventually(() => leftovers(root).length === 0)
  },
)

interface Scene {
  readonly root: string
  readonly outside: string
  /** Digests of what was answered 200, by file name. */
  readonly sent: Map<string, string>
}

async function assertAllThere({ url }: RunningServer, { sent }: Scene): Promise<void> {
  const found = await eventually(() => verifiedFiles(url, 'demo').catch(() => undefined), 10_000)
  for (const [filename, digest] of sent) assert.equal(found.get(filename), digest, `${filename} is lost`)
}

/** Uploads, pages and downloads while clients go away, files come and go by hand, and whatever else goes wrong. */
async function faults(
  server: RunningServer,
  scene: Scene,
  forMs: number,
  more: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {},
): Promise<Readonly<Record<string, number>>> {
  const stopping = new AbortController()
  const { signal } = stopping
  setMaxListeners(0, signal)
  const round = scene.sent.size
  const lanes = {
    uploads: [0, 1, 2, 3].map((lane) =>
      repeat(signal, async (index) => {
        const file = distribution(`${round}.${lane}.${index}`)
        const answer = await send(server, file)
        assert.ok([200, 503].includes(answer), `an upload is answered ${answer}`)
        if (answer === 200) scene.sent.set(file.filename, sha256(file.bytes))
        await setTimeout(50)
      }),
    ),
    broken: [0, 1, 2].map((lane) => repeat(signal, (index) => goAway(server, `9.${round}.${lane}.${index}`))),
    reads: [0, 1].map(() => repeat(signal, () => read(server))),
    copies: [repeat(signal, (index) => comeAndGo(scene, `8.${round}.${index}`))],
    ...Object.fromEntries(Object.entries(more).map(([name, turn]) => [name, [repeat(signal, () => turn(scene))]])),
  }
  await setTimeout(forMs)
  stopping.abort()
  const entries = Object.entries(lanes).map(async ([name, work]) => [name, (await Promise.all(work)).flat().length])
  return Object.fromEntries(await Promise.all(entries))
}

/** A client that leaves in the middle of an upload or a download. */
async function goAway({ url }: RunningServer, version: string): Promise<void> {
  const signal = AbortSignal.timeout(Math.ceil(Math.random() * 30))
  const body = uploadForm(distribution(version, 2_000_000))
  await status(url, { method: 'POST', body, headers: login, signal }).catch(() => {})
  await status(`${url}packages/${first.filename}`, { signal: AbortSignal.timeout(Math.ceil(Math.random() * 3)) }).catch(
    () => {},
  )
}

/** «Cannot tell» is an answer at times; «does not exist», and other bytes, never are. */
async function read(server: RunningServer): Promise<void> {
  const page = await status(`${server.url}simple/demo/`, { redirect: 'manual' })
  assert.ok([200, 503].includes(page), `the page is answered ${page}`)
  const answer = await fetch(`${server.url}packages/${first.filename}`)
  const bytes = new Uint8Array(await answer.arrayBuffer())
  assert.ok([200, 503].includes(answer.status), `a download is answered ${answer.status}`)
  if (answer.status === 200) assert.equal(sha256(bytes), sha256(first.bytes))
  await setTimeout(5)
}

async function comeAndGo({ root, outside }: Scene, version: string): Promise<void> {
  const { filename, bytes } = wheel({ name: 'copied', version })
  writeFileSync(join(outside, filename), bytes)
  const path = join(root, filename)
  await eventually(() => isDone(() => renameSync(join(outside, filename), path)))
  await setTimeout(50)
  await eventually(() => isDone(() => rmSync(path)))
}

/** While the directory is away nothing can be put into it. */
function isDone(work: () => void): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}

async function vanish({ root }: Scene): Promise<void> {
  await setTimeout(2500)
  renameSync(root, `${root}.away`)
  await setTimeout(300)
  renameSync(`${root}.away`, root)
}
