import assert from 'node:assert/strict'
import { test } from 'node:test'
import { badJsonLine } from '#src/util/bad-json-line.js'

for (const [what, text, line] of [
  ['a comma before a closing bracket', '{\n"a": [\n1,\n]\n}', 4],
  ['a comma before a closing brace', '{\n"a": 1,\n}', 3],
  ['a missing comma', '{\n"a": 1\n"b": 2\n}', 3],
  ['a comment', '{\n// who\n"a": 1\n}', 2],
  ['single quotes', "{\n\n'a': 1}", 3],
  ['a word', '[\ntrue,\ntruely]', 3],
  ['a number that is none', '[\n1.]', 2],
  ['a string that goes on in the next line', '["a\nb"]', 1],
  ['a wrong escape', '[\n"\\x"]', 2],
  ['a text that breaks off', '{\n"a": [1,\n2', 3],
  ['something after the end', '{}\n\n{}', 3],
  ['nothing at all', '', 1],
  ['nesting without end', '['.repeat(100_000), 1],
] as const) {
  test(`the line of ${what} is found`, () => {
    assert.throws(() => JSON.parse(text), SyntaxError)
    assert.equal(badJsonLine(text), line)
  })
}

test('all that JSON has is read past', () => {
  const whole = '{"a": [1, -0.5, 2e10, 3E-1, "\\u00e9\\n\\"", null, true, false, {}, [ ]],\r\n\t"b": {"c": "\u007f"}}'
  JSON.parse(whole)
  assert.equal(badJsonLine(`${whole}\n!`), 3)
})
