import assert from 'node:assert/strict'
import { test } from 'node:test'
import { percentFormat } from '#src/cli/percent-format.js'

const values = { name: 'ann', count: 42, part: 2.71801, none: null, yes: true, list: ['a', "b'c"], map: { k: 1 } }

// Each expected text is what CPython 3.11 prints for `format % values`.
for (const [format, expected] of [
  ['%(name)s', 'ann'],
  ['<%(name)8s|%(name)-8s>', '<     ann|ann     >'],
  ['%(name).2s', 'an'],
  ['%(name)r %(list)r %(map)s', `'ann' ['a', "b'c"] {'k': 1}`],
  ['%(none)s %(yes)s', 'None True'],
  ['%(count)d %(count)i %(count)5d|%(count)-5d|%(count)05d', '42 42    42|42   |00042'],
  ['%(count)+d|%(count) d', '+42| 42'],
  ['%(count)x %(count)X %(count)#x %(count)o %(count)#o', '2a 2A 0x2a 52 0o52'],
  ['%(part)d %(part).2f %(part)08.3f %(part)e', '2 2.72 0002.718 2.718010e+00'],
  ['%(part)g %(count)g %(part).3g', '2.71801 42 2.72'],
  ['%(count)c', '*'],
  ['100%% of %(name)s', '100% of ann'],
] as const) {
  test(`${format} is filled in as Python does`, () => {
    assert.equal(percentFormat(format, values), expected)
  })
}

for (const [value, format, expected] of [
  [1e10, '%(n)g', '1e+10'],
  [1.5e-7, '%(n)g', '1.5e-07'],
  [100, '%(n)g', '100'],
  [0.0001, '%(n)g', '0.0001'],
  [1234567, '%(n)G', '1.23457E+06'],
  [-5, '%(n)05d', '-0005'],
] as const) {
  test(`${value} in ${format} is ${expected}`, () => {
    assert.equal(percentFormat(format, { n: value }), expected)
  })
}

test('an unknown key is shown as such, also when it is a property of every object', () => {
  assert.equal(percentFormat('%(nmae)s %(constructor)s %(nmae)d', {}), '?nmae? ?constructor? ?nmae?')
})

test('a number format of something that is no number shows the thing', () => {
  assert.equal(percentFormat('%(a)d|%(b)5.1f|%(a)08d', { a: 'text', b: undefined }), 'text| None|    text')
})

test('what is no placeholder stays as it is', () => {
  for (const text of ['%', '100% done', '%(open', '%(a)', '%(a)y', '%(a)99999s']) {
    assert.equal(percentFormat(text, { a: 1 }), text)
  }
})

test('a bare %s shows all values on one line', () => {
  assert.equal(percentFormat('%s', { a: 'x\ny', b: 1 }), String.raw`{'a': 'x\ny', 'b': 1}`)
})
