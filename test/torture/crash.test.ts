import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { temporaryDirectory } from '../helpers/temporary.js'
import { assertAllThere, assertNothingTorn, assertTidied, distribution, killed } from './damage.js'
import { serve, sha256, uploadStatus } from './servers.js'
import { linux, tortureTest } from './torture-test.js'

const randomKills = 200

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
