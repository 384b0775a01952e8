import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** An empty directory that goes with the test. */
export function temporaryDirectory(t: TestContext): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'pypi-server-test-')))
  t.after(() => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 }))
  return path
}
