import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  compareVersions,
  isPrerelease,
  isVersion,
  maxVersionLength,
  normalizeVersion,
  parseVersion,
  releaseKey,
  sortKey,
} from '#src/packaging/version.js'

interface OrderFixture {
  readonly lists: readonly {
    readonly name: string
    readonly pep440: readonly string[] | null
    readonly pypiserver: readonly string[]
    readonly invalidPep440: readonly string[]
  }[]
  readonly equalities: readonly { readonly versions: readonly string[]; readonly pep440Equal: boolean }[]
  readonly stability: readonly { readonly version: string; readonly pep440Prerelease: boolean | null }[]
}

const fixture: OrderFixture = JSON.parse(
  readFileSync(new URL('../../../../test/fixtures/packaging/version-order.json', import.meta.url), 'utf8'),
)

const specifiedOrder = `1.dev0 < 1.0.dev456 < 1.0a1 < 1.0a2.dev456 < 1.0a12.dev456 < 1.0a12 < 1.0b1.dev456 < 1.0b2 <
  1.0b2.post345.dev456 < 1.0b2.post345 < 1.0rc1.dev456 < 1.0rc1 < 1.0 < 1.0+abc.5 < 1.0+abc.7 < 1.0+5 <
  1.0.post456.dev34 < 1.0.post456 < 1.0.15 < 1.1.dev1 < 1!0.1`.split(/\s*<\s*/)

const normalForms = {
  'v1.0': '1.0',
  'V1.0': '1.0',
  '01.002': '1.2',
  '1.0ALPHA1': '1.0a1',
  '1.0-alpha.1': '1.0a1',
  '1.0_beta': '1.0b0',
  '1.0c1': '1.0rc1',
  '1.0pre1': '1.0rc1',
  '1.0preview1': '1.0rc1',
  '1.0-1': '1.0.post1',
  '1.0.rev1': '1.0.post1',
  '1.0-r1': '1.0.post1',
  '1.0post1': '1.0.post1',
  '1.0post': '1.0.post0',
  '1.0dev': '1.0.dev0',
  '1.0-DEV07': '1.0.dev7',
  '1.0a.post1.dev2': '1.0a0.post1.dev2',
  '1.0a1-2': '1.0a1.post2',
  '1.0+Ubuntu-1_2.03': '1.0+ubuntu.1.2.3',
  '0!1': '1',
  '1.0.0': '1.0.0',
  ' 1.0\n': '1.0',
  '2!000': '2!0',
  '1.0-a-1': '1.0a1',
}

// biome-ignore format: one line per kind
const notVersions = [
  '', ' ', 'v', 'latest', '1.0-', '1.0+', '1..0', '.1', '1.', '1.0x', 'a1', '1.0.dev1.post1', '1-2-3', '1.0_1', '1.0+a..b',
  '1.0+_1', '1.0+a_', '1.0+a+b', 'v 1.0', '1 .0', '1.0.*', '!1', '1!', '1!2!3', '-1', '1.0a1b1', '1.0dev1dev2', '1_0',
  '\uFF11.\uFF10', '1.0\u0660', '1.0po\u017Ft1', '1.0+\u212A', '1.0\n1',
]

function assertAscending(versions: readonly string[], message?: string): void {
  const reversed = versions.toReversed()
  assert.deepEqual(reversed.toSorted(compareVersions), versions, message)
  const keys = versions.map(sortKey)
  for (const [index, key] of keys.entries()) if (index > 0) assert.ok((keys[index - 1] ?? '') < key, versions[index])
}

test('versions sort in the order that PEP 440 lists', () => {
  assertAscending(specifiedOrder)
})

for (const { name, pep440 } of fixture.lists.filter(({ pep440 }) => pep440 !== null))
  test(`versions sort as PEP 440 says: ${name}`, () => assertAscending(pep440 ?? []))

for (const { name, pypiserver, invalidPep440 } of fixture.lists.filter(({ pep440 }) => pep440 === null))
  test(`what is no version sorts before every version: ${name}`, () => {
    const valid = pypiserver.filter((text) => !invalidPep440.includes(text))
    assertAscending([...invalidPep440.toSorted(), ...valid])
  })

test('every member of the PEP 440 order is before every later one', () => {
  for (const [i, a] of specifiedOrder.entries())
    for (const [j, b] of specifiedOrder.entries()) assert.equal(compareVersions(a, b), Math.sign(i - j), `${a} ${b}`)
})

test('release numbers of different count sort by their padded values', () => {
  assertAscending(['0', '0.0.0.1', '0.1', '1rc1', '1.0.0', '1.0.0.1.dev1', '1.0.1a1', '1.0.1', '1.9', '1.10', '2.dev1'])
})

test('local versions sort words before numbers and beginnings before what goes on', () => {
  assertAscending(['1+a', '1+a.a', '1+a.1', '1+a0', '1+ab', '1+b', '1+0', '1+0.a', '1+0.0', '1+2', '1+10'])
})

test('numbers beyond 2^53 keep their order', () => {
  assertAscending([
    '1.9',
    '1.20261122123456788',
    '1.20261122123456789',
    `1.1${'0'.repeat(200)}`,
    `1.1${'0'.repeat(199)}1`,
  ])
  assertAscending([
    `1.0a${'9'.repeat(99)}`,
    `1.0a1${'0'.repeat(99)}`,
    '1.0',
    `${'9'.repeat(99)}!0`,
    `1${'0'.repeat(99)}!0`,
  ])
})

test('spellings are brought to the normal form', () => {
  for (const [text, normal] of Object.entries(normalForms)) assert.equal(normalizeVersion(text), normal, text)
})

test('a normal form is its own normal form', () => {
  for (const normal of Object.values(normalForms)) assert.equal(normalizeVersion(normal), normal)
})

test('text that PEP 440 does not allow is no version', () => {
  for (const text of notVersions) assert.equal(parseVersion(text), undefined, text)
})

test('a parsed version holds every part as digits without leading zeros', () => {
  assert.deepEqual(parseVersion('v01!002.0-Alpha_03.post04.dev05+U.06'), {
    epoch: '1',
    release: ['2', '0'],
    pre: { phase: 'a', number: '3' },
    post: '4',
    dev: '5',
    local: ['u', '6'],
  })
  assert.deepEqual(parseVersion('1'), { epoch: '0', release: ['1'] })
})

test('white space around a version is read over by the parser but makes it no plain version', () => {
  assert.ok(isVersion('1.0') && !isVersion(' 1.0') && !isVersion('1.0\n') && !isVersion('latest'))
})

for (const { versions, pep440Equal } of fixture.equalities)
  test(`${versions.map((text) => `"${text}"`).join(' ')}: ${pep440Equal ? 'one release' : 'more than one release'}`, () => {
    assert.equal(new Set(versions.map(releaseKey)).size === 1, pep440Equal)
    assert.equal(new Set(versions.map(sortKey)).size === 1, pep440Equal)
  })

test('the key of a release drops trailing zeros and keeps one number', () => {
  const keys = { '1.0.0': '1', '1.0rc1': '1rc1', '0.0': '0', '1!0': '1!0', '10.0': '10', '1.0+a': '1+a' }
  for (const [text, key] of Object.entries(keys)) assert.equal(releaseKey(text), key)
})

test('what is no version is a release of its own, in any case, and never that of a version', () => {
  assert.equal(releaseKey('Latest'), releaseKey('LATEST'))
  assert.equal(compareVersions('Latest', 'LATEST'), 0)
  assert.equal(parseVersion(releaseKey('latest')), undefined)
  assert.notEqual(releaseKey('latest'), releaseKey('main'))
})

test('releases have one key exactly when they compare equal', () => {
  const texts = [...Object.keys(normalForms), ...specifiedOrder, ...notVersions]
  for (const a of texts)
    for (const b of texts) assert.equal(compareVersions(a, b) === 0, releaseKey(a) === releaseKey(b), `${a} ${b}`)
})

for (const { version, pep440Prerelease } of fixture.stability)
  test(`"${version}" is ${pep440Prerelease ? 'a' : 'no'} pre-release`, () => {
    assert.equal(isPrerelease(version), pep440Prerelease ?? false)
  })

test('a version of the greatest length is valid and one longer is not', () => {
  assert.ok(parseVersion('1'.repeat(maxVersionLength)))
  assert.equal(parseVersion('1'.repeat(maxVersionLength + 1)), undefined)
})

test('hostile text is refused in linear time', () => {
  const started = performance.now()
  for (const unit of ['1', '1.', '1-', '0', ' ', '1a', '1+a.', '-']) {
    assert.ok(sortKey(`${unit.repeat(1_000_000)}$`).startsWith('0'))
    for (let i = 0; i < 100; i++) parseVersion(`${unit.repeat(120)}$`)
  }
  assert.ok(performance.now() - started < 2_000)
})
