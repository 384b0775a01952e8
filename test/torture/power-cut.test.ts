import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { assertAllThere, assertNothingTorn, assertTidied, distribution, killed } from './damage.js'
import { cuttableDisk, ext4, folderOn, loopDisks } from './disks.js'
import { serve, sha256, uploadStatus } from './servers.js'
import { linux, program, tortureTest } from './torture-test.js'

const cuts = 20

tortureTest(
  [linux, ext4, program('python3', 'python3'), loopDisks],
  'power cuts right after the answer lose no upload and tear none',
  async (t) => {
    const disk = cuttableDisk(t)
    const [sent, acknowledged] = [new Map<string, string>(), new Map<string, string>()]
    let server = await serve(t, folderOn(disk.directory()))
    let unsynced = 0
    // The system's own folders have been on the disk for long.
    execFileSync('sync', { timeout: 30_000 })
    for (let cut = 0; cut < cuts; cut += 1) {
      const file = distribution(cut)
      const other = distribution(cuts + cut)
      for (const { filename, bytes } of [file, other]) sent.set(filename, sha256(bytes))
      const late = cut % 2 === 0 ? undefined : uploadStatus(server.url, other)
      assert.equal(await uploadStatus(server.url, file), 200, `cut ${cut}`)
      acknowledged.set(file.filename, sha256(file.bytes))
      const control = join(folderOn(disk.directory()), `control-${cut}`)
      writeFileSync(control, 'not synced')
      disk.cut()
      const answered = await late
      await killed(server)
      disk.powerUp()
      const root = folderOn(disk.directory())
      if (answered === 200) acknowledged.set(other.filename, sha256(other.bytes))
      if (!existsSync(join(root, `control-${cut}`)) || readFileSync(join(root, `control-${cut}`)).length === 0)
        unsynced += 1
      assertNothingTorn(root, sent)
      server = await serve(t, root)
      await assertAllThere(server.url, acknowledged)
      await assertTidied(root)
    }
    // Otherwise nothing was cut.
    assert.ok(unsynced > 0, 'what was not synced is there after every cut')
    t.diagnostic(`${acknowledged.size} uploads acknowledged; ${unsynced} of ${cuts} cuts lost what was not synced`)
    await server.stop()
  },
)
