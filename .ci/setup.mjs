// Makes a fresh or stale checkout ready: installs what the lock file names and compiles, each only when it is needed.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const withTests = process.argv.includes('--tests')

function run(what, command, args) {
  console.error(`pypi-server: ${what} …`)
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status === 0) return
  console.error(`pypi-server: \`${command} ${args.join(' ')}\` failed${error ? `: ${error.message}` : ''}`)
  process.exit(status ?? 1)
}

function read(path) {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    return undefined
  }
}

function newestMs(...paths) {
  let newest = 0
  for (const path of paths) {
    const stat = statSync(join(root, path), { throwIfNoEntry: false })
    newest = Math.max(newest, stat?.mtimeMs ?? 0)
    if (!stat?.isDirectory()) continue
    for (const name of readdirSync(join(root, path))) newest = Math.max(newest, newestMs(join(path, name)))
  }
  return newest
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`pypi-server needs Node 20.19 or newer, this is ${process.version}`)
  process.exit(1)
}

const lock = read('package-lock.json')
const installed = 'node_modules/.pypi-server-lock.json'
if (read(installed) !== lock) {
  run('installing dependencies', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  writeFileSync(join(root, installed), lock ?? '')
}

function compile(what, project, stamp, ...sources) {
  const built = statSync(join(root, stamp), { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (built > newestMs(installed, 'tsconfig.json', ...sources)) return
  run(what, process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-b', project])
  const now = new Date()
  utimesSync(join(root, stamp), now, now)
}

compile('compiling', '.', 'dist/.tsbuildinfo', 'src')
if (withTests) compile('compiling the tests', 'test', '.build/.tsbuildinfo', 'src', 'test', 'examples')
