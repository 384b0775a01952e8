import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Sample } from './scenario.js'

const run = promisify(execFile)

/** One request that is sent over and over. */
export interface Load {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly connections: number
}

/** What the load driver saw; JSON on the output of `driver.ts`. */
export interface LoadReport {
  readonly requestsPerSecond: number
  readonly bytesPerSecond: number
  readonly requests: number
  /** Answers other than 2xx and 3xx, and broken connections. */
  readonly failures: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const hasWrk = spawnSync('wrk', ['--version'], { stdio: 'ignore' }).error === undefined

/** Which driver loads: wrk, or our own where it is not installed. */
export const driverName = hasWrk ? 'wrk' : 'the own driver'

/**
 * Loads a server from another process and tells what came back; `pids` are those whose processor time counts as the
 * server's. Rejects when an answer failed: a figure of errors is none.
 */
export async function measureLoad(load: Load, pids: readonly number[], seconds: number): Promise<Sample & LoadReport> {
  const before = cpuSeconds(pids)
  // wrk takes whole seconds only.
  const report = hasWrk && seconds >= 1 ? await wrk(load, seconds) : await ownDriver(load, seconds)
  const cpu = cpuSeconds(pids) - before
  if (report.failures > 0) throw new Error(`${load.url}: ${report.failures} answers failed`)
  const cpuUs = pids.length > 0 && report.requests > 0 ? { cpuUs: (cpu * 1e6) / report.requests } : {}
  return { ...report, value: report.requestsPerSecond, ...cpuUs }
}

async function wrk({ url, headers = {}, connections }: Load, seconds: number): Promise<LoadReport> {
  const duration = `${Math.round(seconds)}s`
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const args = ['-t1', `-c${connections}`, `-d${duration}`, '--latency', '--timeout', '10s', ...fields, url]
  const { stdout } = await run('wrk', args)
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0)
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout) ?? []
  const requestsPerSecond = number(/Requests\/sec:\s+([\d.]+)/)
  if (requestsPerSecond === 0) throw new Error(`${url}: wrk had no answer\n${stdout}`)
  return {
    requestsPerSecond,
    bytesPerSecond: amount(/Transfer\/sec:\s+([\d.]+)([A-Z]*)/.exec(stdout)),
    requests: number(/(\d+) requests in/),
    failures: number(/Non-2xx or 3xx responses: (\d+)/) + errors.slice(1).reduce((sum, text) => sum + Number(text), 0),
    p50Ms: milliseconds(/50%\s+([\d.]+)(\w+)/.exec(stdout)),
    p99Ms: milliseconds(/99%\s+([\d.]+)(\w+)/.exec(stdout)),
  }
}

function amount(found: RegExpExecArray | null): number {
  const [, value = '0', unit = 'B'] = found ?? []
  return Number(value) * 1024 ** 'BKMG'.indexOf(unit.charAt(0))
}

function milliseconds(found: RegExpExecArray | null): number {
  const [, value = '0', unit = 'ms'] = found ?? []
  const scales: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 }
  return Number(value) * (scales[unit] ?? 1)
}

async function ownDriver(load: Load, seconds: number): Promise<LoadReport> {
  const driver = fileURLToPath(new URL('driver.js', import.meta.url))
  const { stdout } = await run(process.execPath, [driver, JSON.stringify({ ...load, seconds })])
  return JSON.parse(stdout) as LoadReport
}

/** Processor time of processes so far, where the system tells (Linux). */
function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    try {
      // Fields behind the name, which may hold blanks and ends with the last parenthesis: state is the first.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      return Number(fields[11]) + Number(fields[12])
    } catch {
      return Number.NaN
    }
  })
  return ticks.reduce((sum, each) => sum + each, 0) / 100
}
