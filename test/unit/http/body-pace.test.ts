import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Pace, type PaceWatch, watchPace } from '#src/http/body-pace.js'

const pace: Pace = { maxIdleMs: 60_000, minBytesPerSecond: 1000, maxMs: 3_600_000 }

/** A watch in a time of its own: `pass` lets seconds go by, and tells what was said of the body. */
function watch(t: TestContext): { readonly body: PaceWatch; readonly pass: (seconds: number) => string } {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let nowMs = 0
  let said = ''
  const body = watchPace(pace, ({ code, message }) => (said += `${code} ${message}`), { now: () => nowMs })
  const pass = (seconds: number): string => {
    nowMs += seconds * 1000
    t.mock.timers.tick(1000)
    return said
  }
  return { body, pass }
}

test('a body of which nothing comes for a minute is too slow', (t) => {
  const { pass } = watch(t)
  assert.equal(pass(60), '')
  assert.match(pass(1), /^ERR_PYPI_TOO_SLOW .*stood still/)
})

test('a body that trickles is too slow, however steady it is', (t) => {
  const { body, pass } = watch(t)
  body.received(30_000)
  assert.equal(pass(59), '')
  body.received(1)
  assert.match(pass(2), /less than 1000 bytes a second/)
})

test('a steady body may take long, but not for ever', (t) => {
  const { body, pass } = watch(t)
  for (let second = 0; second < 3600; second += 30) {
    body.received(30_000)
    assert.equal(pass(30), '')
  }
  assert.match(pass(1), /longer than/)
})

test('while nobody reads, a body is not too slow', (t) => {
  const { body, pass } = watch(t)
  body.received(60_000)
  body.paused()
  assert.equal(pass(600), '')
  body.resumed()
  assert.equal(pass(59), '')
})

test('a body that is through is not looked at any more', (t) => {
  const { body, pass } = watch(t)
  body.stop()
  assert.equal(pass(10_000), '')
})
