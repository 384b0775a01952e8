import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { propertySeed } from '../helpers/property.js'
import { tortureTest } from './torture-test.js'

const runs = process.env['PYPI_TEST_RUNS'] ?? '3000'
const folder = fileURLToPath(new URL('../property/', import.meta.url))

for (const file of readdirSync(folder).filter((name) => name.endsWith('.test.js'))) {
  tortureTest([], `the properties of ${file.replace('.test.js', '')} hold ${runs} times each`, async () => {
    const env = { ...process.env, PYPI_TEST_RUNS: runs, PYPI_TEST_SEED: String(propertySeed + 1) }
    // A runner of its own would take the child for one of its files.
    delete (env as NodeJS.ProcessEnv)['NODE_TEST_CONTEXT']
    const { status, stdout } = spawnSync(process.execPath, [`${folder}${file}`], { env, encoding: 'utf8' })
    assert.equal(status, 0, stdout.slice(-5000))
  })
}
