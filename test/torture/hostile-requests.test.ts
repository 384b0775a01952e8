import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import fc from 'fast-check'
import { propertySeed } from '../helpers/property.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { hostileRequest } from './hostile-request.js'
import { serve } from './servers.js'
import { linux, tortureTest } from './torture-test.js'

const count = Number(process.env['PYPI_TEST_REQUESTS'] ?? 100_000)
const batch = 500
const atOnce = 16
const slowestMs = 2000
const mostResidentBytes = 512 * 2 ** 20

tortureTest(
  [linux],
  `${count} hostile requests get no 5xx, no answer after 2 s, and no more than 512 MiB of memory`,
  async (t) => {
    const server = await serve(t, temporaryDirectory(t), { args: ['--strict'] })
    const { port } = new URL(server.url)
    const statuses = new Map<string, number>()
    for (let sent = 0; sent < count; sent += batch) {
      const seed = propertySeed + sent
      const requests = fc.sample(hostileRequest(), { numRuns: Math.min(batch, count - sent), seed }).values()
      const sender = async (): Promise<void> => {
        for (const request of requests) {
          const { status, elapsedMs } = await exchange(Number(port), request)
          const shown = `seed ${seed}: ${JSON.stringify(request.toString('latin1').slice(0, 3000))}`
          assert.ok(!status.startsWith('5'), `${status} for ${shown}`)
          assert.ok(elapsedMs < slowestMs, `${elapsedMs} ms for ${shown}`)
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        }
      }
      await Promise.all(Array.from({ length: atOnce }, sender))
      assert.equal(server.process.exitCode, null, server.stderr().slice(-2000))
    }
    t.diagnostic([...statuses].map((pair) => pair.join(': ')).join(', '))
    const resident = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.process.pid}/status`, 'latin1'))?.[1]
    t.diagnostic(`at most ${Math.round(Number(resident) / 1024)} MiB of memory`)
    assert.ok(Number(resident) * 1024 < mostResidentBytes, `${resident} KiB`)
    assert.equal((await fetch(new URL('health', server.url))).status, 200)
  },
)

interface Exchange {
  /** Of the first answer that is 5xx, else of the first; empty when the connection was closed without one. */
  readonly status: string
  /** From the last byte sent to the end of the connection. */
  readonly elapsedMs: number
}

/** Sends bytes, says that no more follow, and waits for the other end. */
function exchange(port: number, request: Buffer): Promise<Exchange> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const startedMs = performance.now()
    let answer = ''
    socket.setTimeout(slowestMs * 2, () => socket.destroy())
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1')
    })
    // A reset is an answer of its own kind: the server had heard enough.
    socket.on('error', () => {})
    socket.on('close', () => {
      const all = [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status = '']) => status)
      const status = all.find((one) => one.startsWith('5')) ?? all[0] ?? ''
      resolve({ status, elapsedMs: performance.now() - startedMs })
    })
    socket.end(request)
  })
}
