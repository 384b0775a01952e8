import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isProjectName, maxNameLength, normalizeName } from '#src/packaging/name.js'

test('spellings that PEP 503 calls the same name have one normal form', () => {
  const spellings = [
    'friendly-bard',
    'Friendly-Bard',
    'FRIENDLY-BARD',
    'friendly.bard',
    'friendly_bard',
    'FrIeNdLy-._.-bArD',
  ]
  assert.deepEqual([...new Set(spellings.map(normalizeName))], ['friendly-bard'])
})

test('normalizing twice changes nothing and outer separators stay', () => {
  for (const [name, normal] of [
    ['_x', '-x'],
    ['x_', 'x-'],
    ['..', '-'],
    ['', ''],
    ['NAÏVE', 'naïve'],
  ] as const) {
    assert.equal(normalizeName(name), normal)
    assert.equal(normalizeName(normal), normal)
  }
})

test('names of letters and digits with inner separators may be given to projects', () => {
  for (const name of ['a', '0', 'A.B-c_d', 'a--b', '3to2', 'x'.repeat(maxNameLength)])
    assert.ok(isProjectName(name), name)
})

test('names with outer separators, other characters or over the limit may not be given to projects', () => {
  const names = ['', '-a', 'a-', '.a', 'a_', 'a b', 'ä', 'a\n', 'a/b', '\u212A', 'x'.repeat(maxNameLength + 1)]
  for (const name of names) assert.ok(!isProjectName(name), name)
})
