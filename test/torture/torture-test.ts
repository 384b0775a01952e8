import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { type TestContext, test } from 'node:test'

/** Something that a test cannot do without. */
export interface Need {
  /** Why the test cannot run here; `undefined` when it can. */
  readonly missing: string | undefined
  /** Whether a package manager could bring it: where `CI` is set it has to be there. */
  readonly isInstallable: boolean
}

/**
 * Declares a test that takes long, breaks disks or ends processes. While something that it needs is missing it is skipped
 * with the reason; where `CI` is set it fails over what could have been installed.
 */
export function tortureTest(needs: readonly Need[], title: string, body: (t: TestContext) => Promise<void>): void {
  const isCi = Boolean(process.env['CI'])
  const unmet = needs.filter(({ missing }) => missing !== undefined)
  const fatal = unmet.find(({ isInstallable }) => isCi && isInstallable)
  const skip = fatal === undefined && unmet.length > 0 && unmet.map(({ missing }) => missing).join('; ')
  test(skip ? `${title} (skipped: ${skip})` : title, { skip }, async (t) => {
    assert.equal(fatal?.missing, undefined)
    await body(t)
  })
}

/** A program of this Debian package that runs. */
export function program(name: string, debianPackage: string, args: readonly string[] = ['--version']): Need {
  const runs = spawnSync(name, args, { stdio: 'ignore' }).error === undefined
  return { missing: runs ? undefined : `${name} is missing: apt-get install ${debianPackage}`, isInstallable: true }
}

/** Linux, where processes and disks can be broken as it is done here. */
export const linux: Need = {
  missing: process.platform === 'linux' ? undefined : 'this is not Linux',
  isInstallable: false,
}

/** The right to mount. */
export const superuser: Need = {
  missing: process.geteuid?.() === 0 ? undefined : 'only root may mount',
  isInstallable: false,
}
