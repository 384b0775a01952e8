import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import * as library from 'pypi-server'

const root = fileURLToPath(new URL('../../', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly version: string
  readonly exports: Readonly<Record<string, unknown>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
}

test('the version that the library tells is that of the package', () => {
  assert.equal(library.version, manifest.version)
})

test('the library and each of its parts can be required from CommonJS, and are the same', async () => {
  const require = createRequire(import.meta.url)
  const parts = Object.keys(manifest.exports).map((path) => path.replace('.', 'pypi-server'))
  assert.ok(parts.length > 4)
  for (const part of parts.filter((name) => !name.endsWith('.json'))) {
    assert.equal(require(part), await import(part), part)
  }
  assert.equal(require('pypi-server/package.json').version, manifest.version)
})

/** What a script prints that imports a part and then does something with what happened meanwhile. */
function importing(part: string, before: string, after: string): readonly string[] {
  const script = `${before}\nawait import('${part}')\n${after}`
  const args = ['--input-type=module', '-e', script]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 })
  return [stdout, stderr]
}

test('importing any part starts nothing that keeps the process alive and prints nothing', () => {
  for (const path of Object.keys(manifest.exports).filter((name) => !name.endsWith('.json'))) {
    const active = `
      const active = () => process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')
      process.once('beforeExit', () => process.stdout.write(JSON.stringify(active())))`
    assert.deepEqual(importing(path.replace('.', 'pypi-server'), '', active), ['[]', ''], path)
  }
})

test('importing the library loads no parser of uploads or XML and no hash of passwords: they come with their first use', () => {
  const lazy = ['busboy', 'saxes', 'unix-crypt-td-js']
  const loaded = `
    import { createRequire } from 'node:module'
    const require = createRequire(import.meta.url)
    process.stdout.write(${JSON.stringify(lazy)}.filter((name) => require.resolve(name) in require.cache).join())`
  assert.deepEqual(importing('pypi-server', '', loaded), ['', ''])
  assert.deepEqual(importing('find-my-way', '', loaded.replace(JSON.stringify(lazy), "['find-my-way']")), [
    'find-my-way',
    '',
  ])
})

test('importing the library writes no file, opens no socket, starts no thread or timer, and changes no global', () => {
  const spy = `
    import { createRequire, syncBuiltinESMExports } from 'node:module'
    const require = createRequire(import.meta.url)
    const seen = []
    const watch = (owner, names, label) => {
      for (const name of names) {
        const original = owner[name]
        owner[name] = function (...args) {
          seen.push(label + name)
          return new.target ? Reflect.construct(original, args, new.target) : Reflect.apply(original, this, args)
        }
      }
    }
    watch(require('node:fs'), ['mkdirSync', 'mkdir', 'writeFileSync', 'writeFile', 'createWriteStream', 'watch'], 'fs.')
    watch(require('node:fs').promises, ['mkdir', 'open', 'writeFile', 'stat', 'readdir'], 'fs.promises.')
    watch(require('node:net').Socket.prototype, ['connect'], 'socket.')
    watch(require('node:net').Server.prototype, ['listen'], 'server.')
    watch(require('node:worker_threads'), ['Worker'], 'threads.')
    watch(require('node:child_process'), ['spawn', 'exec', 'execFile'], 'processes.')
    watch(globalThis, ['setTimeout', 'setInterval', 'fetch'], '')
    syncBuiltinESMExports()
    const events = () => process.eventNames().map(String).sort().join()
    const before = [events(), Object.getOwnPropertyNames(globalThis).sort().join()]`
  const report = `
    const after = [events(), Object.getOwnPropertyNames(globalThis).sort().join()]
    process.stdout.write(JSON.stringify([seen, after[0] === before[0], after[1] === before[1]]))`
  assert.deepEqual(importing('pypi-server', spy, report), ['[[],true,true]', ''])
})

/** Bytes of the files below a path of this checkout. */
function sizeOf(path: string): number {
  const stat = statSync(path)
  if (!stat.isDirectory()) return path.endsWith('.tsbuildinfo') ? 0 : stat.size
  const parts = readdirSync(path).filter((name) => name !== 'node_modules')
  return parts.reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

test('the package is as large as README says, has at most ten dependencies, and runs nothing at its installation', () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const [, own = '', count = '', all = ''] =
    /([\d.]+) MB unpacked, with (\d+) dependencies; ([\d.]+) MB with all/.exec(readme) ?? []
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly dev?: true; readonly peer?: true; hasInstallScript?: true }>>
  }
  const production = Object.entries(lock.packages).filter(([path, { dev, peer }]) => path !== '' && !dev && !peer)
  assert.deepEqual(
    production.filter(([, { hasInstallScript }]) => hasInstallScript),
    [],
  )
  const names = Object.keys(manifest.dependencies)
  assert.equal(names.length, Number(count))
  assert.ok(names.length <= 10, names.join())
  const packed = ['dist', 'package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']
  const ownBytes = packed.reduce((sum, name) => sum + sizeOf(join(root, name)), 0)
  const allBytes = production.reduce((sum, [path]) => sum + sizeOf(join(root, path)), ownBytes)
  for (const [said, bytes] of [
    [own, ownBytes],
    [all, allBytes],
  ] as const) {
    const ratio = bytes / 1e6 / Number(said)
    assert.ok(ratio > 0.75 && ratio < 1.25, `${said} MB is said, ${(bytes / 1e6).toFixed(1)} MB it is`)
  }
  const scripts = Object.keys(manifest.scripts)
  assert.deepEqual(
    scripts.filter((name) => /^(?:pre|post)?install$|^prepare$/.test(name)),
    [],
  )
})

test('unknown keys and wrong values of the configuration are refused by name', () => {
  const refused = (config: object, text: RegExp): void =>
    assert.throws(
      () => library.createApp(config),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_PYPI_CONFIG')
        assert.match(error.message, text)
        return true
      },
    )
  refused({}, /backend or roots/)
  refused({ roots: '' }, /roots/)
  refused({ roots: [] }, /roots/)
  refused({ roots: 'x', paswordFile: 'y' }, /unknown key paswordFile; is it passwordFile\?/)
  refused({ roots: 'x', authenticate: ['update,download'] }, /authenticate: "update,download"/)
  refused({ roots: 'x', authenticate: 'update' }, /authenticate/)
  refused({ roots: 'x', hashAlgo: 'md6' }, /hashAlgo: "md6"/)
  refused({ roots: 'x', limits: { maxUploadBytes: -1 } }, /limits\.maxUploadBytes/)
  refused({ roots: 'x', cacheControl: 1.5 }, /cacheControl/)
  refused({ roots: 'x', overwrite: 'yes' }, /overwrite/)
  refused({ roots: 'x', backend: library.directory('x') }, /not both/)
  refused({ roots: 'x', passwordFile: 'x', auther: () => true }, /not both/)
  refused({ backend: {} }, /listProjects/)
})

test('every key refuses values of wrong types by its name', () => {
  // Kept in step with the interface by the compiler; `hashAlgo: false` and the like are left out by hand.
  const wrong: Readonly<Record<keyof library.Config, readonly unknown[]>> = {
    backend: [null, 1, 'x', [], {}],
    roots: [null, 1, true, [null], [['x']], {}],
    auther: [null, 1, 'x', {}],
    identify: [null, 1, 'x', {}],
    passwordFile: [null, 1, '', ['x']],
    tokenFile: [null, 1, '', ['x']],
    authenticate: [null, 1, [['update']], [null], {}],
    authorizer: [null, 1, 'x', {}],
    rulesFile: [null, 1, '', ['x']],
    overwrite: [null, 1, 'true'],
    validation: [null, true, 'lax'],
    attestations: [
      null,
      1,
      'verified',
      [],
      {},
      { trustedRoot: 'x' },
      { trustedRoot: 'x', publishers: [] },
      { trustedRoot: 'x', publishers: [{ issuer: 'https://a', identity: '*' }] },
      { trustedRoot: '', publishers: [{ issuer: 'https://a', identity: 'b' }] },
      { trustedRoot: 'x', publishers: [{ issuer: 'https://a', identity: 'b', projects: [] }] },
    ],
    hashAlgo: [null, 1, true, ['sha256']],
    fallbackUrl: [null, 1, '', ['https://pypi.org/']],
    disableFallback: [null, 1, 'true'],
    privateNames: [null, 1, 'acme-*', [null], [''], ['a b'], [['acme']]],
    healthEndpoint: [null, 1, '', ['/health']],
    metricsEndpoint: [null, 1, '', ['/metrics']],
    gatherMetrics: [null, 1, 'x', {}],
    welcome: [null, 1, ['x']],
    cacheControl: [null, '1', -1, 1.5, Number.POSITIVE_INFINITY, 1n],
    limits: [null, 1, 'x', [], { maxUploadBytes: '1' }, { maxuploads: 1 }, { maxUploadBytes: 0 }],
    sendfile: [null, 1, '', 'x-accel-redirect', '/', 'protected/', '/protected', '//a/', '/../', '/a b/'],
    baseUrl: [null, 1, '', 'https://a/?b'],
    trustProxy: [null, 1, 'all', {}, ['10.0.0.0/33'], [1]],
    hooks: [null, 1, () => true, [], { beforePublish: true }, { beforepublish: () => {} }],
    events: [null, 1, [], { publish: 'x' }, { published: () => {} }],
    logger: [null, 1, {}, { info: () => {} }],
  }
  for (const [key, values] of Object.entries(wrong)) {
    for (const value of values) {
      const source = key === 'roots' || key === 'backend' ? {} : { roots: 'x' }
      const label = `${key}: ${String(value)}`
      assert.throws(
        () => library.createApp({ ...source, [key]: value }),
        { code: 'ERR_PYPI_CONFIG', message: new RegExp(key) },
        label,
      )
    }
  }
})

test('a limit can be taken away, and one that is not given keeps its default', () => {
  for (const limits of [{}, { maxUploadBytes: Number.POSITIVE_INFINITY }, { maxUploadBytes: undefined }]) {
    assert.doesNotThrow(() => library.createApp({ roots: 'x', limits } as library.Config))
  }
})

test('the lock file names every package that an install on any platform looks for, and no download address', () => {
  const text = readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')
  const { packages } = JSON.parse(text) as {
    readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>
  }
  const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
  assert.deepEqual(
    wanted.filter((name) => packages[`node_modules/${name}`] === undefined),
    [],
  )
  assert.doesNotMatch(text, /"resolved": "http/)
})
