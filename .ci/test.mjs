// Runs the compiled tests: all of them, or the files whose path contains one of the arguments.
// Tests that need real Python clients (test/clients) run only when they are asked for: `npm test clients`.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const wanted = process.argv.slice(2)

function* testFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* testFiles(path)
    else if (entry.name.endsWith('.test.js')) yield path
  }
}

const files = [...testFiles(join(root, '.build/test'))]
  .map((path) => relative(root, path))
  .filter((path) => (wanted.length > 0 ? wanted.some((part) => path.includes(part)) : !path.includes('/clients/')))
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`)
  process.exit(1)
}
const { status } = spawnSync(process.execPath, ['--test', ...files.sort()], { cwd: root, stdio: 'inherit' })
process.exit(status ?? 1)
