import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import * as library from 'pypi-server'

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string
}

test('the version that the library tells is that of the package', () => {
  assert.equal(library.version, manifest.version)
})

test('the library can be required from CommonJS, and is the same', () => {
  assert.equal(createRequire(import.meta.url)('pypi-server'), library)
})

test('importing the library starts nothing that keeps the process alive and prints nothing', () => {
  const script = `
    import 'pypi-server'
    const active = () => process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')
    process.once('beforeExit', () => process.stdout.write(JSON.stringify(active())))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  assert.deepEqual([stdout, stderr], ['[]', ''])
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
  refused({ roots: 'x', paswordFile: 'y' }, /unknown key paswordFile/)
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
    welcome: [null, 1, ['x']],
    cacheControl: [null, '1', -1, 1.5, Number.POSITIVE_INFINITY, 1n],
    limits: [null, 1, 'x', [], { maxUploadBytes: '1' }, { maxuploads: 1 }, { maxUploadBytes: 0 }],
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
