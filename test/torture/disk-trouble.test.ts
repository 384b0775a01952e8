import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { mainScript, type RunningServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { distribution, leftOvers } from './damage.js'
import { folderOn, memoryDisk, memoryDisks } from './disks.js'
import { serve, uploadStatus, verifiedFiles } from './servers.js'
import { linux, program, tortureTest } from './torture-test.js'

const small = (version: number) => wheel({ name: 'demo', version: `2.${version}` })

async function status({ url }: RunningServer, path: string): Promise<number> {
  const answer = await fetch(new URL(path, url), { redirect: 'manual', signal: AbortSignal.timeout(10_000) })
  await answer.arrayBuffer()
  return answer.status
}

/** Writes until nothing more fits. */
function fill(path: string, bytes: number): void {
  const chunk = Buffer.alloc(bytes)
  for (let index = 0; ; index += 1) {
    try {
      writeFileSync(join(path, `filler-${index}`), chunk)
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
      return
    }
  }
}

function clear(path: string): void {
  for (const name of readdirSync(path)) if (name.startsWith('filler-')) rmSync(join(path, name))
}

for (const { title, options, bytes } of [
  {
    title: 'a full disk is 507, downloads go on, and uploads work once there is room',
    options: 'size=8m',
    bytes: 65_536,
  },
  {
    title: 'a disk without inodes is 507, and uploads work once there are some',
    options: 'size=8m,nr_inodes=64',
    bytes: 0,
  },
]) {
  tortureTest([linux, memoryDisks], title, async (t) => {
    const { directory } = memoryDisk(t, options)
    const root = folderOn(directory)
    const server = await serve(t, root)
    assert.equal(await uploadStatus(server.url, distribution(1)), 200)
    fill(directory, bytes)
    for (const file of [distribution(2), small(1)]) assert.equal(await uploadStatus(server.url, file), 507)
    assert.equal((await verifiedFiles(server.url, 'demo')).size, 1)
    assert.equal(await status(server, 'health'), 200)
    assert.deepEqual(leftOvers(root), [])
    clear(directory)
    assert.equal(await uploadStatus(server.url, small(1)), 200)
    assert.equal((await verifiedFiles(server.url, 'demo')).size, 2)
    await server.stop()
  })
}

tortureTest(
  [linux, memoryDisks],
  'a disk mounted read-only is 503 for uploads, until it is writable again',
  async (t) => {
    const { directory, remount } = memoryDisk(t, 'size=16m')
    const server = await serve(t, folderOn(directory))
    assert.equal(await uploadStatus(server.url, distribution(1)), 200)
    remount('ro')
    assert.equal(await uploadStatus(server.url, distribution(2)), 503)
    assert.equal((await verifiedFiles(server.url, 'demo')).size, 1)
    remount('rw')
    assert.equal(await uploadStatus(server.url, distribution(2)), 200)
    assert.equal((await verifiedFiles(server.url, 'demo')).size, 2)
    await server.stop()
  },
)

tortureTest(
  [linux],
  'a directory that is taken away is 503 for pages, files and uploads, until it is back',
  async (t) => {
    const root = join(temporaryDirectory(t), 'root')
    mkdirSync(root)
    const server = await serve(t, root)
    assert.equal(await uploadStatus(server.url, distribution(1)), 200)
    renameSync(root, `${root}.away`)
    // Each is noticed within a second: files and what is known of projects are looked at apart.
    for (const path of ['simple/demo/', 'simple/', 'simple/other/', `packages/${distribution(1).filename}`]) {
      await eventually(async () => (await status(server, path)) === 503).catch(() => assert.fail(`${path} goes on`))
    }
    assert.equal(await uploadStatus(server.url, distribution(2)), 503)
    assert.equal(await status(server, 'health'), 200)
    renameSync(`${root}.away`, root)
    await eventually(async () => (await status(server, 'simple/demo/')) === 200)
    assert.equal(await uploadStatus(server.url, distribution(2)), 200)
    assert.equal((await verifiedFiles(server.url, 'demo')).size, 2)
  },
)

// Root reads everything, unless it gives that right away.
const withoutRights: readonly [string, ...string[]] =
  process.geteuid?.() === 0
    ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-all', process.execPath, mainScript]
    : [process.execPath, mainScript]

tortureTest(
  [linux, program('setpriv', 'util-linux')],
  'an unreadable file is 503 and takes nothing else down, an unreadable directory is 503, until their modes are mended',
  async (t) => {
    const root = temporaryDirectory(t)
    const [good, bad] = [distribution(1), wheel({ name: 'other', version: '1.0' })]
    for (const { filename, bytes } of [good, bad]) writeFileSync(join(root, filename), bytes)
    chmodSync(join(root, bad.filename), 0)
    const server = await serve(t, root, { command: withoutRights })
    assert.equal(await status(server, `packages/${bad.filename}`), 503)
    assert.equal((await verifiedFiles(server.url, 'demo')).size, 1)
    chmodSync(join(root, bad.filename), 0o644)
    await eventually(async () => (await status(server, `packages/${bad.filename}`)) === 200)
    assert.equal((await verifiedFiles(server.url, 'other')).size, 1)
    chmodSync(root, 0)
    await eventually(async () => (await status(server, 'simple/demo/')) === 503)
    assert.equal(await uploadStatus(server.url, distribution(2)), 503)
    assert.equal(await status(server, 'simple/missing/'), 503)
    assert.equal(await status(server, 'health'), 200)
    chmodSync(root, 0o755)
    await eventually(async () => (await status(server, 'simple/demo/')) === 200)
    assert.equal(await uploadStatus(server.url, distribution(2)), 200)
  },
)

tortureTest(
  [linux, program('prlimit', 'util-linux')],
  'with ten descriptors left nothing is 500 or ends, and all works once there are more',
  async (t) => {
    const root = temporaryDirectory(t)
    const server = await serve(t, root)
    assert.equal(await uploadStatus(server.url, distribution(0)), 200)
    const pid = server.process.pid ?? 0
    const limit = (soft: number): void => {
      const { status: code } = spawnSync('prlimit', [`--pid=${pid}`, `--nofile=${soft}:`], { stdio: 'ignore' })
      assert.equal(code, 0)
    }
    const used = readdirSync(`/proc/${pid}/fd`).length
    limit(used + 10)
    const asked = Array.from({ length: 20 }, (_, index) => [
      uploadStatus(server.url, distribution(index + 1)),
      status(server, 'simple/demo/').catch(() => 0),
      status(server, 'health').catch(() => 0),
    ]).flat()
    const told = await Promise.all(asked)
    // 0: a connection for which there was no descriptor.
    assert.deepEqual(
      told.filter((code) => ![0, 200, 503].includes(code)),
      [],
    )
    assert.equal(server.process.exitCode, null)
    t.diagnostic(`of ${told.length} requests ${told.filter((code) => code === 200).length} were answered 200`)
    limit(1024)
    await eventually(async () => (await status(server, 'simple/demo/').catch(() => 0)) === 200)
    assert.equal(await uploadStatus(server.url, small(1)), 200)
    assert.ok((await verifiedFiles(server.url, 'demo')).size >= 2)
    assert.deepEqual(leftOvers(root), [])
  },
)
