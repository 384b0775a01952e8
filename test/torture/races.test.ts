import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { execute } from '../helpers/python-clients.js'
import { mainScript, type RunningServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { type Distribution, pageOf, serve, sha256, upload, uploadStatus, verifiedFiles } from './servers.js'
import { tortureTest } from './torture-test.js'

const rivals = 24
const rounds = 50
const withinMs = 1000

function distribution(name: string, version: string, content: string): Distribution {
  return wheel({ name, version, files: { content } })
}

async function serveMany(t: TestContext, root: string, count: number): Promise<readonly RunningServer[]> {
  return await Promise.all(Array.from({ length: count }, () => serve(t, root)))
}

/** Nothing that an upload made on its way is left. */
function assertTidy(root: string): void {
  assert.deepEqual(readdirSync(join(root, '.pypi-server', 'spool')), [])
  const projects = readdirSync(join(root, '.pypi-server', 'projects'))
  assert.deepEqual(
    projects.filter((name) => !name.endsWith('.json')),
    [],
  )
}

for (const [count, title] of [
  [1, 'of 24 uploads of one name at once, in one process, one wins, in each of 50 rounds'],
  [4, 'of 24 uploads of one name at once, in four processes, one wins, in each of 50 rounds'],
] as const) {
  tortureTest([], title, async (t) => {
    const root = temporaryDirectory(t)
    const servers = await serveMany(t, root, count)
    for (let round = 0; round < rounds; round += 1) {
      const files = Array.from({ length: rivals }, (_, rival) => {
        return distribution('demo', `1.${round}`, `${rival}`)
      })
      const urls = files.map((_, rival) => servers[rival % count]?.url ?? '')
      const statuses = await Promise.all(files.map((file, rival) => uploadStatus(urls[rival] ?? '', file)))
      assert.deepEqual(statuses.toSorted(), [200, ...Array.from({ length: rivals - 1 }, () => 409)], `round ${round}`)
      const { filename = '', bytes } = files[statuses.indexOf(200)] ?? {}
      const winner = sha256(bytes ?? new Uint8Array())
      for (const { url } of servers) {
        await eventually(async () => (await pageOf(url, 'demo'))?.files.some((file) => file.filename === filename))
        const answer = await fetch(new URL(`packages/${filename}`, url))
        assert.equal(sha256(new Uint8Array(await answer.arrayBuffer())), winner)
      }
    }
    for (const { url } of servers) assert.equal((await verifiedFiles(url, 'demo')).size, rounds)
    assertTidy(root)
  })
}

/** As a client that repeats what was told 503: the default limits let fewer uploads wait than this. */
async function uploadPatiently(url: string, file: Distribution): Promise<number> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const status = await uploadStatus(url, file)
    if (status !== 503) return status
    await setTimeout(200)
  }
  return 503
}

for (const count of [1, 4]) {
  tortureTest([], `100 uploads of different names at once, in ${count} process(es), are all there`, async (t) => {
    const root = temporaryDirectory(t)
    const servers = await serveMany(t, root, count)
    const files = Array.from({ length: 100 }, (_, index) => distribution(`demo${index % 10}`, `${index}`, `${index}`))
    const statuses = await Promise.all(
      files.map((file, index) => uploadPatiently(servers[index % count]?.url ?? '', file)),
    )
    assert.deepEqual(new Set(statuses), new Set([200]))
    const expected = new Map(files.map(({ filename, bytes }) => [filename, sha256(bytes)]))
    for (const { url } of servers) {
      const found = await eventually(async () => {
        const pages = await Promise.all(Array.from({ length: 10 }, (_, index) => verifiedFiles(url, `demo${index}`)))
        const all = new Map(pages.flatMap((page) => [...page]))
        return all.size === files.length ? all : undefined
      }, withinMs)
      assert.deepEqual([...found].toSorted(), [...expected].toSorted())
    }
    assertTidy(root)
  })
}

tortureTest([], 'who reads a file while it is overwritten gets the whole old or the whole new one', async (t) => {
  const root = temporaryDirectory(t)
  const [writer, reader] = await Promise.all([serve(t, root, { args: ['-o'] }), serve(t, root)])
  const versions = Array.from({ length: 40 }, (_, index) => {
    return distribution('demo', '1.0', `${index} `.repeat(10_000 + index * 500))
  })
  const known = new Map(versions.map(({ bytes }) => [sha256(bytes), bytes.length]))
  const [first] = versions
  assert.ok(first)
  assert.equal(await uploadStatus(writer.url, first), 200)
  await eventually(() => pageOf(reader.url, 'demo'))
  let isWriting = true
  const seen = new Set<string>()
  const read = async (url: string): Promise<void> => {
    const answer = await fetch(new URL(`packages/${first.filename}`, url))
    const digest = sha256(new Uint8Array(await answer.arrayBuffer()))
    // Between the change and its notice the other process may say that it cannot tell, and never anything untrue.
    if (answer.status !== 200) assert.ok([404, 503].includes(answer.status), String(answer.status))
    else assert.ok(known.has(digest), 'bytes that nobody uploaded')
    if (answer.status === 200) seen.add(digest)
  }
  const reading = [writer.url, reader.url].flatMap((url) =>
    Array.from({ length: 4 }, async () => {
      while (isWriting) await read(url)
    }),
  )
  for (const file of versions) assert.equal((await upload(writer.url, file)).status, 200)
  isWriting = false
  await Promise.all(reading)
  assert.ok(seen.size > 5, `${seen.size} versions were seen`)
  const last = sha256(versions.at(-1)?.bytes ?? new Uint8Array())
  await eventually(async () => (await verifiedFiles(reader.url, 'demo')).get(first.filename) === last, withinMs)
  assertTidy(root)
})

tortureTest([], 'what one process changes, and what is copied in, shows in the others within a second', async (t) => {
  const [root, outside] = [temporaryDirectory(t), temporaryDirectory(t)]
  const [one, ...others] = await serveMany(t, root, 4)
  assert.ok(one)
  const everywhere = async (holds: (url: string) => Promise<boolean>): Promise<void> => {
    await Promise.all([one, ...others].map(({ url }) => eventually(() => holds(url), withinMs)))
  }
  const has = (filename: string) => async (url: string) =>
    (await pageOf(url, 'demo'))?.files.some((file) => file.filename === filename) ?? false
  const files = Array.from({ length: 20 }, (_, index) => distribution('demo', `1.${index}`, `${index}`))
  for (const [index, { filename, bytes }] of files.entries()) {
    if (index % 2 === 0) assert.equal(await uploadStatus(one.url, { filename, bytes }), 200)
    else {
      writeFileSync(join(outside, filename), bytes)
      copyFileSync(join(outside, filename), join(root, filename))
    }
    await everywhere(has(filename))
    const { code, output } = await execute([process.execPath, mainScript, 'yank', root, 'demo', filename], {
      env: process.env,
    })
    assert.equal(code, 0, output)
    await everywhere(async (url) => {
      return (await pageOf(url, 'demo'))?.files.find((file) => file.filename === filename)?.yanked === true
    })
    if (index % 4 < 2) continue
    rmSync(join(root, filename))
    await everywhere(async (url) => !(await has(filename)(url)))
  }
  assertTidy(root)
})
