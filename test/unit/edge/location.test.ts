import assert from 'node:assert/strict'
import { test } from 'node:test'
import { baseUrlOf, clientAddressOf, isTrusted, type RequestOrigin } from '#src/edge/location.js'
import { addressList } from '#src/util/address-list.js'

const loopback = addressList('trustProxy', ['loopback'])
const direct: RequestOrigin = {
  host: 'pypi.example:8080',
  forwardedHost: undefined,
  forwardedProto: undefined,
  peer: '192.0.2.1',
  isEncrypted: false,
  mountPath: '',
}
const options = { baseUrl: undefined, trustProxy: loopback }

const trust: readonly (readonly [peer: string | undefined, isLoopback: boolean])[] = [
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['192.0.2.1', false],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['::2', false],
  ['fe80::1', false],
  ['127.0.0.1.example', false],
  ['127.evil', false],
  ['localhost', false],
  ['', false],
  [undefined, false],
]

for (const [peer, isLoopback] of trust)
  test(`the peer ${peer} is ${isLoopback ? '' : 'not '}believed as a loopback peer`, () => {
    assert.equal(isTrusted(loopback, peer), isLoopback)
  })

test('whoever trusts every proxy or none is not asked about the peer', () => {
  for (const peer of ['127.0.0.1', '192.0.2.1', undefined]) {
    assert.equal(isTrusted(true, peer), true)
    assert.equal(isTrusted(false, peer), false)
  }
})

const unforwarded: readonly (readonly [what: string, origin: Partial<RequestOrigin>, url: string])[] = [
  ['the Host header is the host', {}, 'http://pypi.example:8080/'],
  ['an encrypted socket means https', { isEncrypted: true }, 'https://pypi.example:8080/'],
  ['the mount point is the path', { mountPath: '/a/b' }, 'http://pypi.example:8080/a/b/'],
  ['an address in brackets is a host', { host: '[::1]:8080' }, 'http://[::1]:8080/'],
  ['an address is a host', { host: '192.0.2.7' }, 'http://192.0.2.7/'],
  ['without Host header the host is localhost', { host: undefined }, 'http://localhost/'],
  [
    'headers of a peer that is not trusted are ignored',
    { forwardedHost: 'evil.example', forwardedProto: 'https' },
    'http://pypi.example:8080/',
  ],
]

for (const [what, origin, url] of unforwarded)
  test(`${what}: ${url}`, () => {
    assert.equal(baseUrlOf({ ...direct, ...origin }, options), url)
  })

const forwarded: readonly (readonly [what: string, origin: Partial<RequestOrigin>, url: string])[] = [
  ['a forwarded host wins', { forwardedHost: 'public.example' }, 'http://public.example/'],
  ['a forwarded protocol wins', { forwardedProto: 'HTTPS' }, 'https://pypi.example:8080/'],
  [
    'a proxy that speaks plain HTTP to clients is believed',
    { forwardedProto: 'http', isEncrypted: true },
    'http://pypi.example:8080/',
  ],
  ['other protocols are ignored', { forwardedProto: 'javascript' }, 'http://pypi.example:8080/'],
  [
    'the last hop of a list counts',
    { forwardedHost: 'evil.example, public.example', forwardedProto: 'http,https' },
    'https://public.example/',
  ],
  [
    'a path behind the forwarded host is the prefix',
    { forwardedHost: 'public.example:8443/tools/pypi/' },
    'http://public.example:8443/tools/pypi/',
  ],
  [
    'the prefix stands in front of the mount point',
    { forwardedHost: 'public.example/tools', mountPath: '/pypi' },
    'http://public.example/tools/pypi/',
  ],
  ['an empty forwarded host is ignored', { forwardedHost: '' }, 'http://pypi.example:8080/'],
  ['a last hop without a host is ignored', { forwardedHost: 'public.example, ' }, 'http://pypi.example:8080/'],
  ['a forwarded host with a user is ignored', { forwardedHost: 'a@evil.example' }, 'http://pypi.example:8080/'],
  ['a forwarded host with markup is ignored', { forwardedHost: '"><script>' }, 'http://pypi.example:8080/'],
  ['a prefix with a query is ignored', { forwardedHost: 'public.example/a?b' }, 'http://pypi.example:8080/'],
  ['a prefix with markup is ignored', { forwardedHost: 'public.example/<b>' }, 'http://pypi.example:8080/'],
]

for (const [what, origin, url] of forwarded)
  test(`behind a trusted proxy ${what}: ${JSON.stringify(origin)}`, () => {
    assert.equal(baseUrlOf({ ...direct, peer: '::ffff:127.0.0.1', ...origin }, options), url)
  })

test('a trusted proxy is believed wherever it is', () => {
  const origin = { ...direct, forwardedHost: 'public.example' }
  assert.equal(baseUrlOf(origin, { ...options, trustProxy: true }), 'http://public.example/')
})

test('without trusted proxies not even a loopback peer is believed', () => {
  const origin = { ...direct, peer: '127.0.0.1', forwardedHost: 'public.example' }
  assert.equal(baseUrlOf(origin, { ...options, trustProxy: false }), 'http://pypi.example:8080/')
})

test('a configured address wins over everything', () => {
  const origin = { ...direct, peer: '127.0.0.1', forwardedHost: 'public.example', mountPath: '/pypi' }
  assert.equal(baseUrlOf(origin, { ...options, baseUrl: 'https://fixed.example/' }), 'https://fixed.example/')
})

for (const host of [
  'a b',
  'a/b',
  'a\\b',
  'user@evil.example',
  'evil.example:80@pypi.example',
  'evil.example?',
  'evil.example#',
  'a:b',
  'a:',
  'a:123456',
  '::1',
  '[::1',
  '[evil.example]',
  '"><script>',
  "a'b",
  'a\r\nSet-Cookie: x',
  'pypi.example\n',
  'naïve.example',
  '%00',
  '',
])
  test(`${JSON.stringify(host)} is no host`, () => {
    for (const baseUrl of [undefined, 'https://fixed.example/'])
      assert.throws(() => baseUrlOf({ ...direct, host }, { ...options, baseUrl }), { code: 'ERR_PYPI_BAD_REQUEST' })
  })

test('a forwarded host does not make up for a Host that is none', () => {
  const origin = { ...direct, peer: '127.0.0.1', host: 'a b', forwardedHost: 'public.example' }
  assert.throws(() => baseUrlOf(origin, options), { code: 'ERR_PYPI_BAD_REQUEST' })
})

for (const host of ['pypi.example:99999', '192.0.2.999', '[::1]:65536', '[::::]', 'xn--'])
  test(`${host} is no host, neither sent nor forwarded, because no URL can hold it`, () => {
    assert.throws(() => baseUrlOf({ ...direct, host }, options), { code: 'ERR_PYPI_BAD_REQUEST' })
    const forwarded = { ...direct, peer: '127.0.0.1', forwardedHost: `${host}/prefix` }
    assert.equal(baseUrlOf(forwarded, options), 'http://pypi.example:8080/')
  })

const proxies = addressList('trustProxy', ['loopback', '10.0.0.0/8', 'fd00::/8'])

for (const [forwardedFor, address] of [
  [undefined, '127.0.0.1'],
  ['192.0.2.7', '192.0.2.7'],
  ['192.0.2.7, 10.1.2.3', '192.0.2.7'],
  ['198.51.100.1, 192.0.2.7,10.1.2.3 , fd00::1', '192.0.2.7'],
  ['10.9.9.9, 10.1.2.3', '10.9.9.9'],
  ['[2001:db8::1]:4711, 10.1.2.3:80', '2001:db8::1'],
  ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
  ['192.0.2.7, unknown', '127.0.0.1'],
  ['<script>', '127.0.0.1'],
  ['', '127.0.0.1'],
] as const) {
  test(`a client behind listed proxies that say ${JSON.stringify(forwardedFor)} is at ${address}`, () => {
    assert.equal(clientAddressOf(proxies, '127.0.0.1', forwardedFor), address)
  })
}

test('who is not listed cannot say where a client is, and who trusts everybody believes the last hop only', () => {
  assert.equal(clientAddressOf(proxies, '192.0.2.1', '192.0.2.7'), '192.0.2.1')
  assert.equal(clientAddressOf(false, '127.0.0.1', '192.0.2.7'), '127.0.0.1')
  assert.equal(clientAddressOf(true, '192.0.2.1', '198.51.100.1, 192.0.2.7'), '192.0.2.7')
  assert.equal(clientAddressOf(true, undefined, '192.0.2.7'), undefined)
})

for (const entry of ['10.0.0.0/33', '::1/129', 'localhost', '10.0.0', '10.0.0.0/', '', 1, null]) {
  test(`${JSON.stringify(entry)} is no address of a proxy`, () => {
    assert.throws(() => addressList('trustProxy', ['loopback', entry]), { code: 'ERR_PYPI_CONFIG' })
  })
}
