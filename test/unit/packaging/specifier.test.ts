import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSpecifierSet } from '#src/packaging/specifier.js'

// biome-ignore format: one line per operator
const valid = [
  '', ' , ', '>=3.8', '>= 3.8', '>=3.8,', ' >=3.8 , <4 ', '>=2.7,!=3.0.*,!=3.1.*,<4', '>=3.8rc1', '<1!2.0',
  '~=2.2', '~= 3.8.1', '~=1!2.0',
  '==3.*', '== 1!3.10.*', '!=3.0.*', '==1.0+local.1', '!=1.0+x', '==v1.0',
  '===anything-goes*', '=== 3.8', '===1.0+a+b', '<3', '>3.8', '<=3.8.post1',
]

// biome-ignore format: one line per kind
const invalid = [
  '3.8', '>=', '>=3.8 <4', '=>3.8', '=3.8', '>=x', '>=3.8;', '(>=3.8)', '>=3..8', '>=3.8,<four', '^3.8', '3.8.*',
  '>=3.8.*', '<4.*', '~=3.8.*', '==1.0.*.1', '==*', '==.*', '==1.0a1.*', '==1.0.post1.*', '==1.0.dev1.*', '==1.0+x.*',
  '~=1', '~=1a1', '> 3.8+x', '>=1.0+x', '~=1.0+x', '===', '=== a b',
]

for (const text of valid)
  test(`"${text}" is a set of version specifiers`, () => assert.equal(isSpecifierSet(text), true))
for (const text of invalid)
  test(`"${text}" is no set of version specifiers`, () => assert.equal(isSpecifierSet(text), false))

test('hostile specifiers are refused in linear time', () => {
  const started = performance.now()
  for (const text of [`>=${' '.repeat(1_000_000)}x y`, `${','.repeat(1_000_000)}x`, `==${'1.'.repeat(500_000)}*`])
    assert.equal(isSpecifierSet(text), false)
  assert.ok(performance.now() - started < 2_000)
})
