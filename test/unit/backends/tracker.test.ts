import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createDisk, type Disk } from '#src/backends/directory/disk.js'
import { createTracker } from '#src/backends/directory/tracker.js'
import { silentLogger } from '#src/logger.js'
import { eventually } from '../../helpers/eventually.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

test('a folder that changes all the time is read as a whole twice, not again and again', async (t) => {
  const root = temporaryDirectory(t)
  const disk = createDisk()
  const asked: string[] = []
  const counted = {
    ...disk,
    ask: (request: Parameters<Disk['ask']>[0], ...others: []) => {
      asked.push(request.kind)
      return disk.ask(request, ...others)
    },
  } as Disk
  const seen = new Set<string>()
  const tracker = createTracker({
    roots: [root],
    disk: counted,
    logger: silentLogger,
    onFile: (_, path) => void seen.add(path),
    onRead: () => ({ onEntries: () => {}, onEnd: () => Promise.resolve() }),
  })
  t.after(() => {
    tracker.close()
    return disk.close()
  })
  let count = 0
  const timer = setInterval(() => writeFileSync(join(root, `demo-${count++}.zip`), ''), 20)
  try {
    await tracker.start()
    await eventually(() => asked.filter((kind) => kind === 'times').length >= 4, 20_000)
  } finally {
    clearInterval(timer)
  }
  assert.equal(asked.filter((kind) => kind === 'scan').length, 2)
  await eventually(() => seen.has(`demo-${count - 1}.zip`))
})
