import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import type { RunningServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { type Distribution, serve, sha256, uploadStatus, verifiedFiles } from './servers.js'
import { linux, tortureTest } from './torture-test.js'

const randomKills = 200

function distribution(version: number): Distribution {
  return wheel({ name: 'demo', version: `1.${version}`, files: { payload: `${version} `.repeat(20_000) } })
}

/** Files under names that the index shows are whole, whatever happened. */
function assertNothingTorn(root: string, sent: ReadonlyMap<string, string>): void {
  for (const name of readdirSync(root).filter((entry) => entry.endsWith('.whl'))) {
    assert.equal(sha256(readFileSync(join(root, name))), sent.get(name), `${name} is torn`)
  }
}

/** A start removes what dead processes left. */
async function assertTidied(root: string): Promise<void> {
  const names = (folder: string): readonly string[] => {
    const path = join(root, '.pypi-server', folder)
    return existsSync(path) ? readdirSync(path) : []
  }
  await eventually(() => [...names('spool'), ...names('locks')].length === 0)
  assert.deepEqual(
    names('projects').filter((name) => !name.endsWith('.json')),
    [],
  )
}

async function assertAllThere(url: string, acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const found = await verifiedFiles(url, 'demo')
  for (const [filename, digest] of acknowledged) assert.equal(found.get(filename), digest, `${filename} is lost`)
}

/** Ends a server as the kernel would, if it lives. */
async function killed({ process: child }: RunningServer): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** Numbers from 0 to 1, the same in each run. */
function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

tortureTest([linux], `${randomKills} kills at random moments of uploads lose nothing and tear nothing`, async (t) => {
  const root = temporaryDirectory(t)
  const random = randomNumbers(1)
  const [sent, acknowledged] = [new Map<string, string>(), new Map<string, string>()]
  let version = 0
  for (let round = 0; round < randomKills; round += 1) {
    const server = await serve(t, root)
    // Everything at times, and the newest always: pages grow with the rounds.
    if (round % 20 === 0) await assertAllThere(server.url, acknowledged)
    let isAlive = true
    const uploading = Array.from({ length: 4 }, async () => {
      while (isAlive) {
        version += 1
        const file = distribution(version)
        sent.set(file.filename, sha256(file.bytes))
        if ((await uploadStatus(server.url, file)) !== 200) return
        acknowledged.set(file.filename, sha256(file.bytes))
      }
    })
    await setTimeout(20 + random() * 400)
    isAlive = false
    await killed(server)
    await Promise.all(uploading)
    for (const [filename, digest] of [...acknowledged].slice(-8))
      assert.equal(sha256(readFileSync(join(root, filename))), digest, filename)
  }
  assertNothingTorn(root, sent)
  const server = await serve(t, root)
  await assertAllThere(server.url, acknowledged)
  await assertTidied(root)
  t.diagnostic(`${acknowledged.size} of ${sent.size} uploads were acknowledged`)
  assert.ok(acknowledged.size > 20)
})
