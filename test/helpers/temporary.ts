import { mkdtempSync, realpathSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** An empty directory that goes with the test. */
export function temporaryDirectory(t: TestContext): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'pypi-server-test-')))
  // Not synchronously: what this process still writes there must be able to end.
  t.after(() => rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }))
  return path
}
