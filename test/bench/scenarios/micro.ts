import { parseFilename } from 'pypi-server'
import { negotiateEncoding, negotiateSimple } from '#src/http/accept.js'
import { parseAuthorization } from '#src/http/authorization.js'
import { isNotModified } from '#src/http/conditional.js'
import { normalizeName } from '#src/packaging/name.js'
import { sortKey } from '#src/packaging/version.js'
import type { Scenario } from '../scenario.js'

const accept = 'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01'
const login = `Basic ${Buffer.from('ann:secret').toString('base64')}`

/** What happens for every request, and for every file. */
const hot: Readonly<Record<string, () => unknown>> = {
  normalizeName: () => normalizeName('Some.Project_name'),
  negotiateSimple: () => negotiateSimple({ accept, format: null }),
  negotiateEncoding: () => negotiateEncoding('gzip, deflate, br', ['br', 'gzip']),
  isNotModified: () => isNotModified({ ifNoneMatch: '"0123456789abcdef"' }, { etag: '0123456789abcdef' }),
  parseAuthorization: () => parseAuthorization(login),
  parseFilename: () => parseFilename('some_project-1.2.3-cp312-cp312-manylinux_2_17_x86_64.whl'),
  sortKey: () => sortKey('1.2.3rc4.post5.dev6+local'),
}

export const scenarios: readonly Scenario[] = Object.entries(hot).map(([name, work]) => ({
  name: `micro-${name}`,
  title: `\`${name}\``,
  unit: 'operations/s',
  requirements: [],
  prepare: async () => [{ name: 'ours', measure: async (seconds) => ({ value: operationsPerSecond(work, seconds) }) }],
}))

/** The results are collected, so that no compiler leaves the work out. */
function operationsPerSecond(work: () => unknown, seconds: number): number {
  const results: unknown[] = []
  const startedMs = performance.now()
  let count = 0
  while (performance.now() - startedMs < seconds * 1000) {
    for (let turn = 0; turn < 1000; turn++) results[turn] = work()
    count += 1000
  }
  if (results.length !== 1000) throw new Error('nothing was done')
  return count / ((performance.now() - startedMs) / 1000)
}
