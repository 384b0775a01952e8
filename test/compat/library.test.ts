import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApp, directory } from 'pypi-server'
import { temporaryDirectory } from '../helpers/temporary.js'

const refused = { code: 'ERR_PYPI_CONFIG' }
const create = (config: object): unknown => createApp({ roots: '.', ...config } as never)

test('two apps have nothing in common', (t) => {
  const roots = temporaryDirectory(t)
  assert.notEqual(createApp({ roots }), createApp({ roots }))
})

test('a string for roots is one directory', () => {
  assert.equal(directory('/srv').name, directory(['/srv']).name)
})

for (const [key, value] of Object.entries({
  authenticate: ['bogus'],
  hashAlgo: 'md6',
  healthEndpoint: 'health',
  roots: [],
  cacheControl: -5,
  fallbackUrl: 'foobar.com',
  auther: 'ann',
})) {
  test(`the library refuses ${key}: ${JSON.stringify(value)}`, () => {
    assert.throws(() => create({ [key]: value }), refused)
  })
}

for (const authenticate of [['update,download'], 'update', ['.']]) {
  test(`${JSON.stringify(authenticate)} is no list of what needs a login`, () => {
    assert.throws(() => create({ authenticate }), refused)
  })
}

test('keywords of older pypiservers are refused by name', () => {
  for (const key of ['root', 'authenticated', 'passwords', 'redirect_to_fallback', 'server', 'welcome_file']) {
    assert.throws(() => create({ [key]: 'x' }), { ...refused, message: new RegExp(`^unknown key ${key}; `) })
  }
})

test('a health endpoint on another route is refused by the library', () => {
  for (const healthEndpoint of ['/simple', '/simple/', '/packages', '/packages/', '/RPC2']) {
    assert.throws(() => create({ healthEndpoint }), refused, healthEndpoint)
  }
})
