import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { sdist, wheel } from '../helpers/archives.js'
import { eventually } from '../helpers/eventually.js'
import { uploadForm } from '../helpers/index-server.js'
import { startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const main = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const built = wheel({ name: 'demo', version: '1.0' })
const source = sdist({ name: 'demo', version: '1.0' })
const newer = wheel({ name: 'demo', version: '1.1' })
const other = wheel({ name: 'other', version: '1.0' })
const json = 'application/vnd.pypi.simple.v1+json'

function command(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', timeout: 20_000 })
  return { status, out: stdout, err: stderr }
}

/** A directory with two releases of demo and one of another project. */
function demoDirectory(t: TestContext): string {
  const directory = temporaryDirectory(t)
  for (const { filename, bytes } of [built, source, newer, other]) writeFileSync(join(directory, filename), bytes)
  return directory
}

function visible(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => !name.startsWith('.'))
}

function document(directory: string, project: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(directory, '.pypi-server', 'projects', `${project}.json`), 'utf8'))
}

function audit(directory: string): readonly Record<string, unknown>[] {
  const lines = readFileSync(join(directory, '.pypi-server', 'audit.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

test('a yank from the command line shows within a second on the pages of a running server', async (t) => {
  const directory = demoDirectory(t)
  const { url, stop } = await startServer({ directory })
  t.after(stop)
  const yanks = async (): Promise<string> => {
    const page = await fetch(`${url}simple/demo/`, { headers: { accept: json } })
    const { files } = (await page.json()) as { readonly files: readonly { readonly yanked?: unknown }[] }
    return JSON.stringify(files.map(({ yanked = false }) => yanked))
  }
  assert.equal(await yanks(), '[false,false,false]')
  const { status, out, err } = command('yank', '-m', 'broken', directory, 'Demo', '1.0.0')
  assert.deepEqual([status, out, err], [0, `yanked ${built.filename}\nyanked ${source.filename}\n`, ''])
  await eventually(async () => (await yanks()) === '["broken","broken",false]', 1000)
  assert.equal(command('unyank', directory, 'demo', built.filename).out, `unyanked ${built.filename}\n`)
  await eventually(async () => (await yanks()) === '[false,"broken",false]', 1000)
})

test('a deleted release is gone from a running server, and its names take no other bytes', async (t) => {
  const directory = demoDirectory(t)
  const { url, stop } = await startServer({ directory, args: ['-P', '.', '-a', '.'] })
  t.after(stop)
  const { status, out } = command('delete', directory, 'demo', '1.0')
  assert.deepEqual([status, out], [0, `deleted ${built.filename}\ndeleted ${source.filename}\n`])
  await eventually(async () => (await fetch(`${url}packages/${built.filename}`)).status === 404, 1000)
  assert.deepEqual(visible(directory), [newer.filename, other.filename].sort())
  const changed = wheel({ name: 'demo', version: '1.0', files: { 'demo/other.py': '' } })
  const refused = await fetch(url, { method: 'POST', body: uploadForm(changed) })
  assert.equal(refused.status, 400)
  assert.match(await refused.text(), /was removed here/)
})

test('names that were freed take other bytes', async (t) => {
  const directory = demoDirectory(t)
  assert.equal(command('delete', '--free-names', directory, 'demo', built.filename).status, 0)
  assert.deepEqual(visible(directory), [source.filename, newer.filename, other.filename].sort())
  assert.equal(document(directory, 'demo')['removed'], undefined)
})

test('a deletion that is only tried out prints the files and changes nothing', (t) => {
  const directory = demoDirectory(t)
  const before = visible(directory)
  const { status, out } = command('delete', '-n', '--all', directory, 'demo')
  const expected = [built, source, newer].map(({ filename }) => `would delete ${filename}\n`)
  assert.deepEqual([status, out], [0, expected.join('')])
  assert.deepEqual(visible(directory), before)
  assert.throws(() => audit(directory), { code: 'ENOENT' })
})

test('a project is deleted whole when that is said, and its name stays taken', (t) => {
  const directory = demoDirectory(t)
  assert.equal(command('delete', '--all', directory, 'demo').status, 0)
  assert.deepEqual(visible(directory), [other.filename])
  assert.equal(document(directory, 'demo')['isUploaded'], true)
})

test('a project name that was freed leads to the fallback of a running server', async (t) => {
  const directory = demoDirectory(t)
  const { url, stop } = await startServer({ directory, args: ['-P', '.', '-a', '.'] })
  t.after(stop)
  const status = async (): Promise<number> => (await fetch(`${url}simple/demo/`, { redirect: 'manual' })).status
  assert.equal(command('delete', '--all', directory, 'demo').status, 0)
  assert.equal(await status(), 200)
  assert.equal(command('delete', '--free-project', directory, 'demo', '1.0').status, 2)
  const tried = command('delete', '-n', '--all', '--free-project', directory, 'demo')
  assert.deepEqual([tried.status, tried.out], [0, 'would free demo\n'])
  for (const options of [['-n'], []])
    assert.equal(command('delete', ...options, '--all', '--free-project', directory, 'nosuch').status, 1)
  const freed = command('delete', '--all', '--free-project', directory, 'demo')
  assert.deepEqual([freed.status, freed.out], [0, 'freed demo\n'])
  await eventually(async () => (await status()) === 303)
  const { action, user, project } = audit(directory).at(-1) ?? {}
  assert.deepEqual([action, project, String(user).startsWith('cli:')], ['free', 'demo', true])
})

test('a status is printed, set with a reason, and taken back', (t) => {
  const directory = demoDirectory(t)
  const status = (...args: readonly string[]): string => command('status', directory, 'Demo', ...args).out
  assert.equal(status(), 'active\n')
  assert.equal(status('archived', '-m', 'moved to\tnew'), 'archived: moved to\\x09new\n')
  assert.deepEqual(document(directory, 'demo')['status'], { status: 'archived', reason: 'moved to\tnew' })
  assert.equal(status(), 'archived: moved to\\x09new\n')
  assert.equal(status('active'), 'active\n')
})

test('each change has a line in the audit log, under the name of the account', (t) => {
  const directory = demoDirectory(t)
  command('yank', '-m', 'broken', directory, 'demo', built.filename)
  command('status', directory, 'demo', 'deprecated')
  command('delete', directory, 'demo', built.filename)
  const lines = audit(directory).map(({ time: _, sha256, ...line }) => ({
    ...line,
    ...(sha256 ? { sha256: '…' } : {}),
  }))
  const common = { user: `cli:${userInfo().username}`, project: 'demo' }
  assert.deepEqual(lines, [
    { action: 'yank', ...common, file: built.filename, reason: 'broken' },
    { action: 'status', ...common, status: 'deprecated' },
    { action: 'remove', ...common, file: built.filename, sha256: '…' },
  ])
})

test('a file in a sub-directory is named by its path', (t) => {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'old'))
  writeFileSync(join(directory, 'old', built.filename), built.bytes)
  assert.equal(command('yank', directory, 'demo', '1.0').out, `yanked old/${built.filename}\n`)
})

test('what is not there is told in one line that names it, with 1', (t) => {
  const directory = demoDirectory(t)
  for (const [args, what] of [
    [['yank', directory, 'missing', '1.0'], 'missing 1.0'],
    [['unyank', directory, 'demo', '9'], 'demo 9'],
    [['delete', directory, 'demo', other.filename], other.filename],
    [['delete', '-n', '--all', directory, 'missing'], 'missing'],
    [['status', directory, 'missing'], 'missing'],
    [['status', directory, 'missing', 'archived'], 'missing'],
  ] as const) {
    const { status, out, err } = command(...args)
    assert.deepEqual([status, out, err], [1, '', `pypi-server: error: ${what} not found in ${directory}\n`])
  }
})

test('a directory that does not exist is refused with 2, and not created', (t) => {
  const directory = join(temporaryDirectory(t), 'missing')
  const { status, err } = command('delete', directory, 'demo', '1.0')
  assert.deepEqual([status, err], [2, `pypi-server: error: cannot read the directory ${directory}: ENOENT\n`])
  assert.throws(() => readdirSync(directory), { code: 'ENOENT' })
})

test('a directory that cannot be changed is told in one line, with 1', (t) => {
  const directory = demoDirectory(t)
  writeFileSync(join(directory, '.pypi-server'), '')
  const { status, err } = command('yank', directory, 'demo', '1.0')
  assert.equal(status, 1)
  assert.match(err, /^pypi-server: error: cannot [^\n]+\n$/)
})

test('a file is yanked without large ones beside it being read', (t) => {
  const directory = demoDirectory(t)
  for (const name of ['demo-9.0.tar.gz', 'large-1.0.tar.gz']) {
    writeFileSync(join(directory, name), '')
    // A hole: it takes no room on the disk, but long to hash.
    truncateSync(join(directory, name), 16 * 1024 ** 3)
  }
  assert.equal(command('yank', directory, 'demo', built.filename).status, 0)
  const digests = join(directory, '.pypi-server', 'digests.jsonl')
  assert.ok(!existsSync(digests) || !/9\.0|large/.test(readFileSync(digests, 'utf8')))
})

test('every option of the commands is in the documentation', () => {
  const guide = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
  for (const name of ['yank', 'unyank', 'delete', 'status', 'token create', 'token list', 'token revoke']) {
    const { status, out } = command(...name.split(' '), '--help')
    assert.equal(status, 0)
    assert.match(out, /^examples:$/m)
    const options = [...out.matchAll(/^ {2}(-\S.*?)(?: {2,}|$)/gm)].map(([, option = '']) => option)
    const missing = options.filter((option) => option !== '-h, --help' && !guide.includes(`\`${option}\``))
    assert.deepEqual(missing, [], name)
  }
})
