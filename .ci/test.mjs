// Runs the compiled tests: all of them, or the files whose path contains one of the arguments.
// Two kinds run only when they are asked for: those that need real Python clients (test/clients, `npm test clients`), and
// those that take minutes, break disks and end processes (test/torture, `npm run test:torture`).
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const wanted = process.argv.slice(2)
const onRequest = ['/clients/', '/torture/']

function* testFiles(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* testFiles(path)
    else if (entry.name.endsWith('.test.js')) yield path
  }
}

function isWanted(path) {
  if (wanted.length > 0) return wanted.some((part) => path.includes(part))
  return !onRequest.some((part) => path.includes(part))
}

const files = [...testFiles(join(root, '.build/test'))].map((path) => relative(root, path)).filter(isWanted)
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`)
  process.exit(1)
}
// Node reads this at its start only.
const env = { ...process.env, NODE_EXTRA_CA_CERTS: join(root, 'test/fixtures/tls/certificate.pem') }
// What measures and what floods must not run at the same time.
const flags = files.some((path) => path.includes('/torture/')) ? ['--test-concurrency=1'] : []
const { status } = spawnSync(process.execPath, ['--test', ...flags, ...files.sort()], {
  cwd: root,
  env,
  stdio: 'inherit',
})
process.exit(status ?? 1)
