import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { within } from '#src/util/within.js'

// Nobody waits for so long: what ends earlier does not end because of the limit.
const longMs = 10 * 60 * 1000

test('waiting ends with the work', async () => {
  let isDone = false
  const work = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
    isDone = true
  })
  await within(work, longMs)
  assert.equal(isDone, true)
})

test('waiting rejects as the work does', async () => {
  await assert.rejects(within(Promise.reject(new RangeError('broken')), longMs), RangeError)
})

test('waiting ends at the limit when the work does not', async () => {
  // The limit alone keeps no process alive, so something else must.
  const alive = setInterval(() => {}, longMs)
  await within(new Promise(() => {}), 5).finally(() => clearInterval(alive))
})

test('work that fails after the limit is no unhandled rejection', async () => {
  const alive = setInterval(() => {}, longMs)
  const { promise, reject } = deferred()
  await within(promise, 1)
  reject(new RangeError('too late'))
  await new Promise((resolve) => setImmediate(resolve))
  clearInterval(alive)
})

test('a limit that is far away does not keep the process alive', async () => {
  const url = import.meta.resolve('#src/util/within.js')
  const script = `import { within } from ${JSON.stringify(url)}; within(new Promise(() => {}), ${longMs})`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
})

function deferred(): { readonly promise: Promise<void>; readonly reject: (reason: Error) => void } {
  let reject: (reason: Error) => void = () => {}
  const promise = new Promise<void>((_resolve, rejectPromise) => {
    reject = rejectPromise
  })
  return { promise, reject }
}
