import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import type { RunningServer } from '../helpers/server.js'
import { type Distribution, sha256, verifiedFiles } from './servers.js'

/** A wheel of project `demo`, of its own content. */
export function distribution(version: number, content = ''): Distribution {
  return wheel({ name: 'demo', version: `1.${version}`, files: { payload: `${version} ${content}`.repeat(20_000) } })
}

/** Fails unless files under names that the index shows are whole, and of what was sent. */
export function assertNothingTorn(root: string, sent: ReadonlyMap<string, string>): void {
  for (const name of readdirSync(root).filter((entry) => entry.endsWith('.whl'))) {
    assert.equal(sha256(readFileSync(join(root, name))), sent.get(name), `${name} is torn`)
  }
}

/** Fails unless a start removes what dead processes left. */
export async function assertTidied(root: string): Promise<void> {
  await eventually(() => leftOvers(root).length === 0).catch(() => assert.deepEqual(leftOvers(root), []))
}

/** What an upload leaves in the folders of the index while it is under way. */
export function leftOvers(root: string): readonly string[] {
  const names = (folder: string): readonly string[] => {
    const path = join(root, '.pypi-server', folder)
    return existsSync(path) ? readdirSync(path) : []
  }
  const documents = names('projects').filter((name) => !name.endsWith('.json'))
  return [...names('spool'), ...names('locks'), ...documents]
}

/** Fails unless these digests by file name are on the page of `demo`, and what is there is what the page says. */
export async function assertAllThere(url: string, acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const found = await verifiedFiles(url, 'demo')
  for (const [filename, digest] of acknowledged) assert.equal(found.get(filename), digest, `${filename} is lost`)
}

/** Ends a server as the kernel would, if it lives. */
export async function killed({ process: child }: RunningServer): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
