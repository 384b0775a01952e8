// Runs the API tests over every host that `test/hosts` mounts the index in, and prints the table of docs/mounting.md.
// With `--write` the table is put there; without, the run fails when the table there is not the one that came out.
// Arguments are parts of host names: only those hosts run then, and the other rows stay as they are.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const { hosts } = await import(join(root, '.build/test/hosts/hosts.js'))
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const mount = '/pypi/'
const folder = join(root, '.build/test/api')
const files = readdirSync(folder).filter((name) => name.endsWith('.test.js'))
const env = {
  ...process.env,
  PYPI_TEST_MOUNT: mount,
  NODE_EXTRA_CA_CERTS: join(root, 'test/fixtures/tls/certificate.pem'),
}

function runOver(host) {
  const args = ['--test', '--test-reporter=spec', ...files.map((name) => join(folder, name))]
  const { stdout, status } = spawnSync(process.execPath, args, {
    env: { ...env, PYPI_TEST_HOST: host },
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  })
  const count = (what) => Number(new RegExp(`^ℹ ${what} (\\d+)`, 'm').exec(stdout)?.[1] ?? 0)
  const outcome = { host, passed: count('pass'), failed: count('fail'), isFine: status === 0 && count('pass') > 0 }
  console.log(`${outcome.isFine ? '✔' : '✖'} ${host}: ${outcome.passed} passed, ${outcome.failed} failed`)
  if (!outcome.isFine) console.log(stdout.slice(stdout.indexOf('failing tests')))
  return outcome
}

const names = Object.keys(hosts).filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
const outcomes = names.map(runOver)
const document = join(root, 'docs/mounting.md')
const [begin, end] = ['<!-- hosts: begin, written by `npm run test:mounts -- --write` -->', '<!-- hosts: end -->']
const text = readFileSync(document, 'utf8')
const [before, after] = [text.slice(0, text.indexOf(begin) + begin.length), text.slice(text.indexOf(end))]
const known = new Map(
  text
    .slice(before.length, text.indexOf(end))
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, host, outcome]) => [host, outcome]),
)
for (const { host, isFine } of outcomes) known.set(host, isFine ? 'all pass' : 'some fail')
const rows = Object.keys(hosts).map((host) => [host, known.get(host) ?? 'not run'])
const cells = [['host', 'API tests below a path'], ...rows]
const widths = [0, 1].map((column) => Math.max(...cells.map((row) => row[column].length)))
const lines = [cells[0], widths.map((width) => '-'.repeat(width)), ...cells.slice(1)]
const table = lines.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`).join('\n')
console.log(`\n${table}\n`)

const written = `${before}\n\n${table}\n\n${after}`
if (process.argv.includes('--write')) writeFileSync(document, written)
const isCurrent = written === text
if (!isCurrent && !process.argv.includes('--write'))
  console.error('docs/mounting.md has another table: run with --write')
const failed = outcomes.filter(({ isFine }) => !isFine).length
console.log(`${outcomes.length - failed} passed, ${failed} failed`)
process.exit(failed > 0 || (!isCurrent && !process.argv.includes('--write')) ? 1 : 0)
