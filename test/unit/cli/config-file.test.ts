import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CommandError } from '#src/cli/command-error.js'
import { configKeys, optionsOf } from '#src/cli/config-keys.js'
import { parseArguments } from '#src/cli/legacy.js'
import type { CommandLine } from '#src/cli/options.js'
import { commandOutlines } from '#src/cli/outline.js'
import type { RunOptions } from '#src/cli/run-options.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

interface ConfigFile {
  readonly path: string
  /** Where it lies. */
  readonly folder: string
}

function configFile(t: TestContext, content: unknown): ConfigFile {
  const folder = join(temporaryDirectory(t), 'etc')
  mkdirSync(folder)
  const path = join(folder, 'index.json')
  writeFileSync(path, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content))
  return { path, folder }
}

function lineOf(args: readonly string[]): CommandLine {
  return parseArguments(args).line
}

function runOptions(path: string, ...args: readonly string[]): RunOptions {
  return lineOf(['run', '--config', path, ...args]).options as RunOptions
}

test('a configuration file sets what createApp and the options set, with paths relative to it', (t) => {
  const { path, folder } = configFile(t, {
    roots: ['packages', '/srv/other', '~/mine'],
    passwordFile: 'htpasswd',
    rulesFile: '../rules.json',
    authenticate: ['update', 'list', 'update'],
    validation: 'strict',
    attestations: { trustedRoot: 'root.json', publishers: [{ issuer: 'i', identity: 'x' }] },
    hashAlgo: false,
    privateNames: ['acme-*'],
    welcome: '<p>{{NUMPKGS}}',
    limits: { maxUploadBytes: 1000, maxRpcBytes: 2000 },
    baseUrl: 'https://pypi.test/',
    trustProxy: 'loopback',
    port: 0,
    keepAlive: 5,
    serverBaseUrl: 'pypi/',
    logFile: 'server.log',
    logJson: true,
    verbose: 2,
  })
  const options = runOptions(path)
  assert.deepEqual(options, {
    ...(lineOf(['run']).options as RunOptions),
    config: path,
    package_directory: [join(folder, 'packages'), '/srv/other', join(homedir(), 'mine')],
    passwords: join(folder, 'htpasswd'),
    rules: join(folder, '../rules.json'),
    authenticate: ['list', 'update'],
    strict: true,
    attestations: { trustedRoot: join(folder, 'root.json'), publishers: [{ issuer: 'i', identity: 'x' }] },
    hash_algo: false,
    private: ['acme-*'],
    welcome_html: '<p>{{NUMPKGS}}',
    max_upload: 1000,
    limits: { maxRpcBytes: 2000 },
    base_url: 'https://pypi.test/',
    port: 0,
    keep_alive: 5,
    server_base_url: '/pypi',
    log_file: join(folder, 'server.log'),
    log_json: true,
    verbose: 2,
  })
})

test('what the command line says wins over the file, before the command and behind it', (t) => {
  const { path, folder } = configFile(t, {
    roots: 'packages',
    port: 9000,
    host: '127.0.0.1',
    hashAlgo: 'md5',
    verbose: 2,
    logStream: 'none',
    limits: { maxUploads: 3 },
    privateNames: ['ours'],
    passwordFile: 'htpasswd',
  })
  const args = ['--hash-algo', 'sha512', 'run', '--config', path, '-p', '1', '-v', '--max-uploads', '5']
  const options = lineOf([...args, '--private', 'mine', '-P', 'other', 'here']).options as RunOptions
  const { hash_algo, port, host, verbose, log_stream, max_uploads, package_directory, passwords } = options
  assert.deepEqual([hash_algo, port, host, verbose, log_stream], ['sha512', 1, '127.0.0.1', 1, 'none'])
  assert.deepEqual([max_uploads, package_directory, passwords], [5, ['here'], 'other'])
  // A name that the file protects stays protected.
  assert.deepEqual(options.private, ['ours', 'mine'])
  assert.deepEqual(runOptions(path).package_directory, [join(folder, 'packages')])
})

test('update takes the same file, and what is its own', (t) => {
  const { path, folder } = configFile(t, {
    roots: 'packages',
    port: 9000,
    privateNames: ['acme-*'],
    indexUrl: 'https://ann:secret@mirror.test/simple',
    downloadDirectory: 'incoming',
    ignorelistFile: 'ours.txt',
    allowUnstable: true,
  })
  const { options } = lineOf(['update', '--config', path, '-d', 'here'])
  const { package_directory, private: names, ...rest } = options as unknown as Readonly<Record<string, unknown>>
  assert.deepEqual([package_directory, names], [[join(folder, 'packages')], ['acme-*']])
  assert.equal(rest['index_url'], 'https://ann:secret@mirror.test/simple')
  assert.deepEqual([rest['ignorelist_file'], rest['allow_unstable']], [join(folder, 'ours.txt'), true])
  assert.equal(rest['download_directory'], 'here')
  assert.equal(lineOf(['run', '--config', path]).command, 'run')
})

test('a file opens everything with an empty list, as createApp does, and the options have to say so twice still', (t) => {
  const open = configFile(t, { authenticate: [] })
  assert.deepEqual(runOptions(open.path).authenticate, [])
  assert.deepEqual(runOptions(open.path, '-a', 'update').authenticate, ['update'])
  const { path } = configFile(t, { port: 1 })
  assert.deepEqual(runOptions(path, '-a', '.', '-P', '.').authenticate, [])
  assert.throws(() => runOptions(path, '-a', '.'), /must be empty as well/)
})

for (const [content, text] of [
  [{ prot: 1 }, 'unknown key "prot"; is it port?'],
  [{ 'log-file': 'x' }, 'unknown key "log-file"; is it logFile?'],
  [{ health_endpoint: 'x' }, 'unknown key "health_endpoint"; is it healthEndpoint?'],
  [{ passwords: 'x' }, 'unknown key "passwords"; is it passwordFile?'],
  [{ strict: true }, 'unknown key "strict"; is it "validation": "strict"?'],
  [{ limits: { maxUploadByte: 1 } }, 'limits: unknown key maxUploadByte; is it maxUploadBytes?'],
  [{ port: '80' }, 'port takes a number, without quotes'],
  [{ port: 70_000 }, 'port: "70000" is not a port: a number from 0 to 65535'],
  [{ grace: 1.5 }, 'grace: "1.5" is not a whole number of seconds'],
  [{ verbose: 9 }, 'verbose: "9" is none of 0, 1, 2'],
  [{ host: 1 }, 'host takes a text, in quotes'],
  [{ logFile: '' }, 'logFile takes a path, in quotes'],
  [{ logJson: 'yes' }, 'logJson takes true or false, without quotes'],
  [{ overwrite: 'true' }, 'overwrite: "true" is neither true nor false'],
  [{ passwordFile: null }, 'passwordFile takes a path'],
  [{ roots: [] }, 'roots takes a directory path, or a list of them'],
  [{ indexUrl: 'x' }, 'indexUrl: it takes an http or https address without a query'],
  [{ welcome: 'x', welcomeFile: 'y' }, 'give welcome or welcomeFile, not both'],
  [{ backend: {} }, 'backend takes functions, which a file cannot hold; roots names directories'],
  [{ auther: 'x' }, 'auther takes functions, which a file cannot hold; passwordFile and tokenFile name files'],
  [{ hooks: {} }, 'hooks takes functions, which a file cannot hold; call createApp in a program of your own for that'],
  ['{"__proto__": 1}', 'unknown key "__proto__"; there are '],
  ['{"constructor": 1}', 'unknown key "constructor"; there are '],
  ['{\n"port": 1,\n}', 'line 3 is not JSON'],
  ['[]', 'it takes one object, { … }'],
] as const) {
  test(`a file with ${JSON.stringify(content)} is refused with a line that names file, key and fix`, (t) => {
    const { path } = configFile(t, content)
    const expected = (error: unknown) => {
      assert.ok(error instanceof CommandError)
      assert.ok(error.message.startsWith(`${path}: ${text}`), error.message)
      assert.doesNotMatch(error.message, /\n/)
      return error.exitCode === 2
    }
    assert.throws(() => runOptions(path), expected)
    assert.throws(() => lineOf(['update', '--config', path]), expected)
  })
}

test('a file that cannot be read or is not UTF-8 is refused with the reason', (t) => {
  const { path, folder } = configFile(t, Buffer.from([0x7b, 0xff, 0x7d]))
  assert.throws(() => runOptions(path), /cannot read the configuration file .*index\.json: it is not UTF-8/)
  assert.throws(() => runOptions(join(folder, 'none')), /cannot read the configuration file .*none: ENOENT/)
  assert.throws(() => runOptions(folder), /EISDIR/)
})

test('a file of an editor that puts a byte order mark in front is read', (t) => {
  assert.equal(runOptions(configFile(t, '\ufeff{"port": 1}').path).port, 1)
})

/** Every key, with a value that it takes. */
const everything = {
  roots: 'x',
  passwordFile: 'x',
  tokenFile: 'x',
  rulesFile: 'x',
  authenticate: ['update'],
  overwrite: true,
  validation: 'standard',
  attestations: 'off',
  hashAlgo: 'md5',
  fallbackUrl: 'https://x.test/',
  disableFallback: true,
  privateNames: ['x'],
  healthEndpoint: '/x',
  metricsEndpoint: '/y',
  welcome: 'x',
  cacheControl: 1,
  sendfile: '/x/',
  limits: { maxUploadBytes: 1, maxUploads: 1 },
  baseUrl: 'https://x.test/',
  trustProxy: true,
  port: 1,
  host: 'x',
  serverBaseUrl: '/x',
  workers: 'auto',
  maxConnections: 1,
  keepAlive: 1,
  grace: 1,
  welcomeFile: 'x',
  verbose: 1,
  logStream: 'none',
  logFile: 'x',
  logFrmt: 'x',
  logJson: true,
  logReqFrmt: 'x',
  logResFrmt: 'x',
  logErrFrmt: 'x',
  indexUrl: 'https://x.test/',
  ignorelistFile: 'x',
  downloadDirectory: 'x',
  allowUnstable: true,
} as const

test('every option of run and update has its key, but for those that have no use in a file', () => {
  assert.deepEqual(Object.keys(everything).sort(), [...configKeys].sort())
  const entries = Object.entries(everything).map(([key, value]) => optionsOf({ key, value, folder: '/' }))
  const set = new Set(entries.flatMap(Object.keys))
  const withoutUse = ['help', 'version', 'config', 'execute', 'server', 'backend']
  const outlines = commandOutlines().filter(({ path }) => ['run', 'update'].includes(path.join(' ')))
  const dests = outlines.flatMap(({ options }) => options.map(({ dest }) => dest))
  assert.ok(dests.length > 30)
  assert.deepEqual(
    dests.filter((dest) => !set.has(dest) && !withoutUse.includes(dest)),
    [],
  )
})

test('every key of createApp has its key in the file, but for those that take functions', () => {
  const [, table = ''] = /const knownKeys[^{]*\{([^}]*)\}/.exec(readFileSync('src/settings.ts', 'utf8')) ?? []
  const keys = [...table.matchAll(/(\w+): true/g)].map(([, key = '']) => key)
  const functions = ['backend', 'auther', 'identify', 'authorizer', 'gatherMetrics', 'hooks', 'events', 'logger']
  assert.deepEqual(keys.filter((key) => !configKeys.includes(key)).sort(), functions.sort())
})
