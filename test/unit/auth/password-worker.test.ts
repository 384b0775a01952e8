import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { type PasswordVerifier, type PasswordWorkerOptions, passwordWorker } from '#src/auth/password-worker.js'
import { fixtures, hashOf, slowHash } from './fixtures.js'

function open(t: TestContext, options?: PasswordWorkerOptions): PasswordVerifier {
  const verifier = passwordWorker(options)
  t.after(() => verifier.close())
  return verifier
}

test('the thread tells right from wrong passwords', async (t) => {
  const verifier = open(t)
  const stored = hashOf('bcrypt', 'pa:ss:word')
  assert.deepEqual(
    await Promise.all([
      verifier.verify('pa:ss:word', stored),
      verifier.verify('pa', stored),
      verifier.verify('a', 'a'),
    ]),
    [true, false, false],
  )
  assert.deepEqual(verifier.statistics(), { verified: 3, waiting: 0 })
})

test('a verification is refused as overload while the queue is full, and accepted afterwards', async (t) => {
  const verifier = open(t, { maxWaiting: 1 })
  const accepted = [verifier.verify('x', slowHash), verifier.verify('x', hashOf('sha1', 'x'))]
  assert.equal(verifier.statistics().waiting, 1)
  await assert.rejects(verifier.verify('x', slowHash), { code: 'ERR_PYPI_OVERLOADED' })
  assert.deepEqual(await Promise.all(accepted), [false, true])
  assert.equal(await verifier.verify('x', hashOf('sha1', 'x')), true)
})

test('the event loop turns while a password is verified', async (t) => {
  const verifier = open(t)
  await verifier.verify('x', hashOf('sha1', 'x'))
  let finished = false
  const verification = verifier.verify('x', slowHash).finally(() => {
    finished = true
  })
  let turns = 0
  while (!finished) {
    await new Promise((resolve) => setImmediate(resolve))
    turns += 1
  }
  await verification
  // Were it verified on the loop itself, there would be one or two.
  assert.ok(turns > 20, `${turns} turns`)
})

test('a thread that dies fails all verifications which wait, and the next one starts another', async (t) => {
  const verifier = open(t, { threadUrl: new URL('dying-thread.js', fixtures) })
  const lost = await Promise.allSettled([
    verifier.verify('die', ''),
    verifier.verify('x', ''),
    verifier.verify('y', ''),
  ])
  assert.deepEqual(
    lost.map((result) => result.status === 'rejected' && result.reason.code),
    Array(3).fill('ERR_PYPI_AUTH_UNAVAILABLE'),
  )
  assert.equal(await verifier.verify('x', ''), true)
})

test('a thread that cannot start fails the verification', async (t) => {
  for (const threadUrl of [new URL('no-such-thread.js', fixtures), new URL('https://example.invalid/')]) {
    const verifier = open(t, { threadUrl })
    await assert.rejects(verifier.verify('x', ''), { code: 'ERR_PYPI_AUTH_UNAVAILABLE' })
  }
})

test('closing fails what runs and waits, and everything later', async () => {
  const verifier = passwordWorker()
  const pending = Promise.allSettled([verifier.verify('x', slowHash), verifier.verify('x', slowHash)])
  await verifier.close()
  for (const result of await pending) {
    assert.equal(result.status === 'rejected' && result.reason.code, 'ERR_PYPI_CLOSED')
  }
  await assert.rejects(verifier.verify('x', ''), { code: 'ERR_PYPI_CLOSED' })
  await verifier.close()
})

test('a verifier that was never used closes', async () => {
  await passwordWorker().close()
})

test('a process waits for a running verification and exits with an idle verifier', async () => {
  const script = `
    import { passwordWorker } from ${JSON.stringify(import.meta.resolve('#src/auth/password-worker.js'))}
    const { verify } = passwordWorker()
    console.log(await verify('x', ${JSON.stringify(hashOf('sha1', 'x'))}))
    console.log(await verify('x', ${JSON.stringify(slowHash)}))
  `
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 60_000,
  })
  assert.equal(stdout, 'true\nfalse\n')
})
