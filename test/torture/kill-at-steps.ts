import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { temporaryDirectory } from '../helpers/temporary.js'
import { assertTidied, killed } from './damage.js'
import { type DiskCall, type DiskFaults, diskFaults } from './disk-faults.js'
import { type Distribution, serve, uploadStatus } from './servers.js'

/** More calls than any change makes. */
const maxSteps = 200

/** A change that is cut off. */
export interface CutChange {
  /** Of the command. @default none */
  readonly args?: readonly string[]
  /** Stored before. */
  readonly before: readonly Distribution[]
  /** Asks for the change; fulfils with the status, 0 when no answer came. */
  readonly ask: (url: string) => Promise<number>
  /** Fails unless all is well where the change was cut off, as a server sees it that was started on what was left. */
  readonly look: (url: string, root: string, cut: Cut) => Promise<void>
}

/** Where a change was cut off. */
export interface Cut {
  readonly step: number
  /** 200, or 0 when no answer came. */
  readonly status: number
}

/**
 * Asks for a change of a new directory again and again, and kills the server at the first of its calls that change the disk,
 * at the second, and so on, until it gets by; tells the calls.
 */
export async function killAtEveryStep(t: TestContext, change: CutChange): Promise<readonly DiskCall[]> {
  const faults = diskFaults(t)
  for (let step = 1; step < maxSteps; step += 1) {
    const calls = await killAtStep(t, faults, change, step)
    if (calls !== undefined) return calls
  }
  throw new Error(`it did not get by within ${maxSteps} calls`)
}

async function killAtStep(
  t: TestContext,
  faults: DiskFaults,
  { args = [], before, ask, look }: CutChange,
  step: number,
): Promise<readonly DiskCall[] | undefined> {
  const root = temporaryDirectory(t)
  const doomed = await serve(t, root, { env: faults.env, args })
  for (const stored of before) assert.equal(await uploadStatus(doomed.url, stored), 200)
  faults.killAt(step)
  const status = await ask(doomed.url)
  assert.ok([0, 200].includes(status), `step ${step}: ${status}`)
  const calls = faults.calls()
  const survived = doomed.process.exitCode === null && doomed.process.signalCode === null && calls.length < step
  await killed(doomed)
  faults.killAt(0)
  const { url, stop } = await serve(t, root, { args })
  await look(url, root, { step, status })
  await assertTidied(root)
  await stop()
  rmSync(root, { recursive: true })
  return survived ? calls : undefined
}
