import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesGlob } from '#src/util/glob.js'

for (const [glob, matching, other] of [
  ['demo', ['demo'], ['', 'dem', 'demos', 'xdemo']],
  ['*', ['', 'a', 'a-b'], []],
  ['acme-*', ['acme-', 'acme-a', 'acme-a-b'], ['acme', 'xacme-a', 'acm-a']],
  ['*-tools', ['-tools', 'a-tools', 'tools-tools'], ['tools', 'a-tools-b']],
  ['a*b*c', ['abc', 'a1b2c', 'abbc', 'abcbc'], ['ab', 'acb', 'abcd']],
  ['a?c', ['abc', 'a-c'], ['ac', 'abbc']],
  ['?*', ['a', 'ab'], ['']],
  ['a**', ['a', 'ab'], ['b']],
  ['a.c', ['a.c'], ['abc']],
  ['', [''], ['a']],
] as const) {
  test(`the glob ${JSON.stringify(glob)} stands for the whole of what it matches`, () => {
    for (const text of matching) assert.equal(matchesGlob(glob, text), true, text)
    for (const text of other) assert.equal(matchesGlob(glob, text), false, text)
  })
}

test('a glob of many stars is told from a long text in no time', () => {
  const startedMs = performance.now()
  assert.equal(matchesGlob(`${'*a'.repeat(50)}b`, 'a'.repeat(2000)), false)
  assert.ok(performance.now() - startedMs < 1000)
})
