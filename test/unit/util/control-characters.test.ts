import assert from 'node:assert/strict'
import { test } from 'node:test'
import { escapeControlCharacters, hasControlCharacters } from '#src/util/control-characters.js'

const escapes: readonly (readonly [text: string, escaped: string])[] = [
  ['a\0b', 'a\\x00b'],
  ['one\r\ntwo', 'one\\x0d\\x0atwo'],
  ['\tx', '\\x09x'],
  ['\x1b[31mred', '\\x1b[31mred'],
  ['a\x7fb', 'a\\x7fb'],
  ['a\x85b\x9f', 'a\\x85b\\x9f'],
  ['a\u2028b\u2029', 'a\\x2028b\\x2029'],
]

for (const [text, escaped] of escapes)
  test(`${JSON.stringify(text)} is written as ${escaped}`, () => {
    assert.equal(hasControlCharacters(text), true)
    assert.equal(escapeControlCharacters(text), escaped)
  })

for (const text of ['', 'plain text ~', 'naïve 日本 😀', '\u00a0', '\\x00'])
  test(`${JSON.stringify(text)} has no control characters and stays as it is`, () => {
    assert.equal(hasControlCharacters(text), false)
    assert.equal(escapeControlCharacters(text), text)
  })

test('escaped text has no control characters any more', () => {
  const everything = Array.from({ length: 0x3000 }, (_, code) => String.fromCharCode(code)).join('')
  assert.equal(hasControlCharacters(escapeControlCharacters(everything)), false)
})

test('asking twice gives one answer', () => {
  assert.deepEqual([hasControlCharacters('a\n'), hasControlCharacters('a\n')], [true, true])
})
