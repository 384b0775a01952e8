import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CommandError } from '#src/cli/command-error.js'
import { type ParsedArguments, parseArguments } from '#src/cli/legacy.js'
import type { RunOptions } from '#src/cli/run-options.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

const defaults: RunOptions = {
  config: undefined,
  package_directory: [join(homedir(), 'packages')],
  port: 8080,
  host: '0.0.0.0',
  passwords: undefined,
  tokens: undefined,
  rules: undefined,
  authenticate: ['update'],
  overwrite: false,
  strict: false,
  attestations: 'off',
  max_upload: 1024 ** 3,
  trusted_proxy: ['loopback'],
  max_uploads: 16,
  max_connections: undefined,
  workers: 1,
  keep_alive: 65,
  grace: 10,
  disable_fallback: false,
  fallback_url: 'https://pypi.org/simple/',
  private: [],
  health_endpoint: '/health',
  metrics_endpoint: undefined,
  cache_control: undefined,
  sendfile: undefined,
  welcome: '',
  server_base_url: '',
  server: 'auto',
  log_req_frmt: '%(bottle.request)s',
  log_res_frmt: '%(status)s',
  log_err_frmt: '%(body)s: %(exception)s',
  verbose: 0,
  log_file: '',
  log_stream: 'stdout',
  log_frmt: '%(asctime)s|%(name)s|%(levelname)s|%(thread)d|%(message)s',
  log_json: false,
  hash_algo: 'sha256',
  backend: 'auto',
}

function runOptions(args: readonly string[]): { readonly options: RunOptions; readonly warning: string | undefined } {
  const { line, warning }: ParsedArguments = parseArguments(args)
  assert.equal(line.command, 'run')
  return { options: line.options as RunOptions, warning }
}

function refusal(args: readonly string[]): CommandError {
  try {
    parseArguments(args)
  } catch (error) {
    if (error instanceof CommandError) return error
    throw error
  }
  throw new Error(`not refused: ${args.join(' ')}`)
}

function directories(t: TestContext, ...names: readonly string[]): readonly string[] {
  const root = temporaryDirectory(t)
  const paths = names.map((name) => join(root, name))
  for (const path of paths) mkdirSync(path)
  return paths
}

/** What follows `run`, and what it changes. */
const forms: readonly (readonly [args: readonly string[], changes: Partial<RunOptions>])[] = [
  [[], {}],
  [['-p', '80'], { port: 80 }],
  [['-p9000'], { port: 9000 }],
  [['--port=0'], { port: 0 }],
  [['-i', '1.1.1.1'], { host: '1.1.1.1' }],
  [['-H', '1.1.1.1'], { host: '1.1.1.1' }],
  [['--interface', '1.1.1.1', '--host', '::1'], { host: '::1' }],
  [['-a', 'list'], { authenticate: ['list'] }],
  [['-a', ' Update, download ,update'], { authenticate: ['download', 'update'] }],
  [['-a', '.', '-P', '.'], { authenticate: [], passwords: '.' }],
  [['-P', 'htpasswd'], { passwords: 'htpasswd' }],
  [['--tokens', 'tokens.json'], { tokens: 'tokens.json' }],
  [['-P', '.', '--tokens', 'tokens.json'], { passwords: '.', tokens: 'tokens.json' }],
  [['-P', '.', '-a', '.', '--tokens', 'x'], { passwords: '.', authenticate: [], tokens: 'x' }],
  [['--rules', 'rules.json'], { rules: 'rules.json' }],
  [['-P', ''], {}],
  [['--pass', 'x'], { passwords: 'x' }],
  [['-o'], { overwrite: true }],
  [['-vo'], { overwrite: true, verbose: 1 }],
  [['-v'], { verbose: 1 }],
  [['-vvv'], { verbose: 3 }],
  [['-v', '--verbose'], { verbose: 2 }],
  [['--disable-fall'], { disable_fallback: true }],
  [['--fallback-url', 'https://mirror.test/simple'], { fallback_url: 'https://mirror.test/simple' }],
  [['--health-endpoint', '/a-b_c/D0'], { health_endpoint: '/a-b_c/D0' }],
  [['--metrics-endpoint', '/metrics'], { metrics_endpoint: '/metrics' }],
  [['--server', 'GUNICORN'], { server: 'gunicorn' }],
  [['--hash-algo', 'md5'], { hash_algo: 'md5' }],
  ...['0', 'off', 'false', 'no', 'NO', 'n', 'F'].map((word) => [['--hash-algo', word], { hash_algo: false }] as const),
  [['--backend', 'cached-dir'], { backend: 'cached-dir' }],
  [['--cache-control', '0'], { cache_control: 0 }],
  [['--welcome', 'page.html'], { welcome: 'page.html' }],
  [['--log-file', 'x.log'], { log_file: 'x.log' }],
  [['--log-stream', 'NONE'], { log_stream: 'none' }],
  [['--log-frmt', '%(message)s'], { log_frmt: '%(message)s' }],
  [
    ['--log-req-frmt', 'a', '--log-res-frmt', 'b', '--log-err-frmt', 'c'],
    { log_req_frmt: 'a', log_res_frmt: 'b', log_err_frmt: 'c' },
  ],
  [['--max-upload', '2G'], { max_upload: 2 * 1024 ** 3 }],
  ...['/', '//', ''].map((path) => [['--server-base-url', path], {}] as const),
  ...['/a/b/', 'a/b', '//a//b'].map((path) => [['--server-base-url', path], { server_base_url: '/a/b' }] as const),
]

for (const [args, changes] of forms) {
  const shown = args.map((arg) => JSON.stringify(arg)).join(' ')
  test(`run ${shown} and the old form ${shown} mean the same`, (t) => {
    const package_directory = directories(t, 'one', 'two')
    const modern = runOptions(['run', ...args, ...package_directory])
    assert.deepEqual(modern, { options: { ...defaults, ...changes, package_directory }, warning: undefined })
    const legacy = runOptions([...args, ...package_directory])
    assert.deepEqual(legacy.options, modern.options)
    assert.match(legacy.warning ?? '', /^WARNING: [^\n]+\n {2}pypi-server run [^\n]+\n$/)
  })
}

test('without a directory it is packages in the home directory', () => {
  assert.deepEqual(runOptions(['run']).options, defaults)
  assert.deepEqual(runOptions([]).options, defaults)
})

test('common options count before the command, those after it win, and each -v counts', () => {
  const before = ['-v', '--log-file', 'a', '--hash-algo', 'md5', '--log-frmt', 'x', '--log-stream', 'none']
  const { options } = runOptions([...before, 'run', '-v', '--log-file', 'b'])
  const { verbose, log_file, hash_algo, log_frmt, log_stream } = options
  assert.deepEqual([verbose, log_file, hash_algo, log_frmt, log_stream], [2, 'b', 'md5', 'x', 'none'])
})

test('common options reach update from both sides', () => {
  const { line } = parseArguments(['-v', 'update', '--log-file', 'x', '.'])
  assert.ok(line.command === 'update')
  const { verbose, log_file } = line.options
  assert.deepEqual([verbose, log_file], [1, 'x'])
})

test('what follows -- is a directory', () => {
  assert.deepEqual(runOptions(['run', '-p', '80', '--', '-x', '--port']).options.package_directory, ['-x', '--port'])
})

test('an -U anywhere stands for update', (t) => {
  const [one = '', two = ''] = directories(t, 'one', 'two')
  const { line, warning = '' } = parseArguments([one, '-U', two])
  assert.ok(line.command === 'update')
  assert.deepEqual(line.options.package_directory, [one, two])
  assert.ok(warning.includes(`  pypi-server update ${one} ${two}\n`))
})

test('the warning shows the new form in a way that a shell takes', (t) => {
  const [directory = ''] = directories(t, "it's")
  const { warning = '' } = runOptions(['--log-frmt', '%(message)s', directory])
  assert.ok(warning.includes(`run --log-frmt '%(message)s' '${directory.replace("'", "'\\''")}'\n`), warning)
})

const target = { directory: 'dir', project: 'demo', target: '1.0', all: false }

for (const [args, command, options] of [
  [['yank', 'dir', 'demo', '1.0'], 'yank', { ...target, message: undefined }],
  [['yank', 'dir', 'demo', '-m', 'why', '1.0'], 'yank', { ...target, message: 'why' }],
  [['yank', '-m', '', 'dir', 'demo', '1.0'], 'yank', { ...target, message: undefined }],
  [['unyank', '--all', 'dir', 'demo'], 'unyank', { ...target, target: undefined, all: true }],
  [['delete', 'dir', 'demo', '1.0'], 'delete', { ...target, free_names: false, dry_run: false }],
  [['delete', '-n', '--free-n', 'dir', 'demo', '1.0'], 'delete', { ...target, free_names: true, dry_run: true }],
  [['status', 'dir', 'demo'], 'status', { directory: 'dir', project: 'demo', status: undefined, message: undefined }],
  [['status', 'dir', 'demo', 'Archived', '-m', 'x'], 'status', { status: 'archived', message: 'x' }],
  [['token', 'list', 'file'], 'token', { action: 'list', file: 'file' }],
  [['token', 'revoke', 'file', 'ci'], 'token', { action: 'revoke', file: 'file', token: 'ci' }],
  [
    ['token', 'create', 'file', 'ci', '--projects', 'a-*, b'],
    'token',
    { action: 'create', name: 'ci', projects: ['a-*', 'b'], actions: ['upload'], expires: undefined },
  ],
] as const) {
  test(`${args.map((arg) => arg || '""').join(' ')} is understood`, () => {
    const { line, warning } = parseArguments(args)
    assert.deepEqual([line.command, warning], [command, undefined])
    assert.deepEqual({ ...line.options, ...options }, line.options)
  })
}

for (const [args, prog, text] of [
  [['run', 'a', '-p', '80', 'b'], 'pypi-server', /^unrecognized arguments: b$/],
  [['run', '-V'], 'pypi-server', /^unrecognized arguments: -V$/],
  [['run', '--log', 'x'], 'pypi-server run', /^ambiguous option: --log could match /],
  [['run', '-p'], 'pypi-server run', /^argument -p\/--port: expected one argument$/],
  [['run', '-p', '65536'], 'pypi-server run', /"65536" is not a port/],
  [['run', '-a', ''], 'pypi-server run', /"" is none of/],
  [['run', '-a', 'list,.'], 'pypi-server run', /"\." is none of download, list, update, nor "\." alone/],
  [['run', '-a', '.', '-P', 'x'], 'pypi-server run', /must be empty as well/],
  [['run', '-a', '.'], 'pypi-server run', /must be empty as well \(-P \.\)$/],
  [['run', '-P', '.'], 'pypi-server run', /say -a \. as well/],
  [['run', '-a', '.', '--tokens', 'x'], 'pypi-server run', /must be empty as well/],
  [['run', '-P', '.', '--rules', 'x'], 'pypi-server run', /say -a \. as well/],
  [['run', '--cache-control', '-1'], 'pypi-server run', /"-1" is not a whole number of seconds/],
  [['run', '--server', 'apache'], 'pypi-server run', /"apache" is none of auto, cherrypy/],
  [['run', '--backend', 'memory'], 'pypi-server run', /"memory" is none of auto, simple-dir, cached-dir/],
  [['run', '--log-stream', 'file'], 'pypi-server run', /"file" is none of stdout, stderr, none/],
  [['run', '--server-base-url', '/a/../b'], 'pypi-server run', /is not the path of a URL/],
  [['run', '--server-base-url', '/a b'], 'pypi-server run', /is not the path of a URL/],
  [['--hash-algo', 'md6', 'run'], 'pypi-server', /"md6" is none of md5/],
  ...['true', 'foo', '1', 'md6', 'SHA256', 'shake_128'].map(
    (word) => [['run', '--hash-algo', word], 'pypi-server run', /is none of md5, /] as const,
  ),
  ...['/', 'health', '/health!', '/:health', '/health?check=True'].map(
    (path) => [['run', '--health-endpoint', path], 'pypi-server run', /is not a \/ followed by/] as const,
  ),
  [['run', '--metrics-endpoint', 'metrics'], 'pypi-server run', /is not a \/ followed by/],
  ...['/simple/', '/health'].map(
    (path) => [['run', '--metrics-endpoint', path], 'pypi-server run', /is the path of another route/] as const,
  ),
  ...['/simple', '/simple/'].map(
    (path) => [['run', '--health-endpoint', path], 'pypi-server run', /is the path of another route/] as const,
  ),
  [['yank', 'dir', 'demo'], 'pypi-server yank', /--all for every one/],
  [['delete', 'dir', 'demo'], 'pypi-server delete', /--all for every one/],
  [['delete', '--all', 'dir', 'demo', '1.0'], 'pypi-server delete', /either --all or 1\.0, not both/],
  [['delete', 'dir', 'demo', ''], 'pypi-server delete', /it is empty/],
  [['delete', '--all', 'dir', ''], 'pypi-server delete', /it is empty/],
  [['delete', '-m', 'x', 'dir', 'demo', '1.0'], 'pypi-server', /unrecognized arguments/],
  [['yank', '-m', 'x'.repeat(1001), 'dir', 'demo', '1.0'], 'pypi-server yank', /1001 characters, more than 1000/],
  [['status', 'dir', 'demo', 'gone'], 'pypi-server status', /"gone" is none of active, archived/],
  [['status', 'dir', 'demo', '-m', 'x'], 'pypi-server status', /say which/],
  [['-p', '80', 'run'], 'pypi-server', /options of run and update stand behind the command/],
] as const) {
  test(`${args.join(' ')} is refused with 2 and a line that names the mistake`, () => {
    const error = refusal(args)
    assert.deepEqual([error.exitCode, error.prog], [2, prog])
    assert.match(error.message, text)
    assert.doesNotMatch(error.message, /\n/)
  })
}

test('what is wrong in both forms is told for both, the one with a command first', () => {
  const { message } = refusal(['-p', 'abc'])
  assert.match(message, /^argument COMMAND: invalid choice: 'abc' .*; as pypi-server run -p abc it fails too: /)
})

test('a mistyped command does not serve the directory that has its name', (t) => {
  const before = process.cwd()
  const root = temporaryDirectory(t)
  t.after(() => process.chdir(before))
  process.chdir(root)
  for (const name of ['updat', 'rnu', 'Run', 'runn', 'srv']) mkdirSync(name)
  for (const name of ['updat', 'rnu', 'Run', 'runn']) assert.match(refusal([name]).message, /write \.\/\w+ for a dir/)
  assert.deepEqual(runOptions(['srv']).options.package_directory, ['srv'])
  assert.deepEqual(runOptions(['./updat']).options.package_directory, ['./updat'])
})

test('the old form serves only directories that exist', (t) => {
  const missing = join(temporaryDirectory(t), 'missing')
  assert.match(refusal(['-p', '80', missing]).message, /there is no directory/)
})
