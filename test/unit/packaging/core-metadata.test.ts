import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCoreMetadata } from '#src/packaging/core-metadata.js'

test('headers and body are read', () => {
  const metadata = parseCoreMetadata(
    'Metadata-Version: 2.1\nName: Demo\nVersion: 1.0\nSummary: A demo\nRequires-Python: >=3.8\n\n# Demo\n\nText\n',
  )
  assert.deepEqual(metadata, {
    fields: new Map([
      ['metadata-version', ['2.1']],
      ['name', ['Demo']],
      ['version', ['1.0']],
      ['summary', ['A demo']],
      ['requires-python', ['>=3.8']],
    ]),
    name: 'Demo',
    version: '1.0',
    summary: 'A demo',
    requiresPython: '>=3.8',
    description: '# Demo\n\nText\n',
  })
})

test('field names are found in any case and repeated values keep their order', () => {
  const { fields } = parseCoreMetadata('Classifier: B\nCLASSIFIER: A\nclassifier:C\n')
  assert.deepEqual([...fields], [['classifier', ['B', 'A', 'C']]])
})

test('of a field that is given twice the first value counts', () => {
  assert.equal(parseCoreMetadata('Name: first\nName: second\n').name, 'first')
})

test('continued values keep their line feeds and indents', () => {
  const { fields } = parseCoreMetadata('License: one\n  two\n\tthree\n       |four\nName: demo\n')
  assert.deepEqual(fields.get('license'), ['one\n  two\n\tthree\n       |four'])
  assert.deepEqual(fields.get('name'), ['demo'])
})

test('a folded Requires-Python is read as one line', () => {
  assert.equal(parseCoreMetadata('Requires-Python: >=3.8,\n <4\n').requiresPython, '>=3.8, <4')
})

test('a description in the headers loses its indent', () => {
  assert.equal(
    parseCoreMetadata('Description: a\n        b\n          c\n        \n        d\n').description,
    'a\nb\n  c\n\nd',
  )
  assert.equal(parseCoreMetadata('Description: a\n       |b\n       | c\n').description, 'a\nb\n c')
})

test('a body counts before a description in the headers, unless it is blank', () => {
  assert.equal(parseCoreMetadata('Description: header\n\nbody').description, 'body')
  assert.equal(parseCoreMetadata('Description: header\n\n \n').description, 'header')
})

test('headers in the body are not read', () => {
  const { fields, name } = parseCoreMetadata('Version: 1\n\nName: evil\n')
  assert.deepEqual([...fields.keys()], ['version'])
  assert.equal(name, undefined)
})

for (const line of ['no header', 'Two words: x', ': x', 'N\u00e4me: x'])
  test(`a line that is no header ends the headers: ${line}`, () => {
    const { fields, description } = parseCoreMetadata(`Version: 1\n${line}\nName: evil\n`)
    assert.deepEqual([...fields.keys()], ['version'])
    assert.equal(description, `${line}\nName: evil\n`)
  })

test('an indented first line continues nothing and ends the headers', () => {
  assert.deepEqual(parseCoreMetadata(' Name: x\nVersion: 1\n').fields, new Map())
})

for (const [title, lineEnd] of [
  ['carriage return and line feed', '\r\n'],
  ['carriage return', '\r'],
  ['line feed', '\n'],
] as const)
  test(`lines may end with ${title}`, () => {
    const text = ['Name: demo', 'License: a', ' b', '', 'body', 'end'].join(lineEnd)
    const { fields, name, description } = parseCoreMetadata(text)
    assert.deepEqual(fields.get('license'), ['a\n b'])
    assert.deepEqual([name, description], ['demo', `body${lineEnd}end`])
  })

test('a byte order mark is no part of the first field, in bytes and in text', () => {
  assert.equal(parseCoreMetadata('\uFEFFName: demo\n').name, 'demo')
  assert.equal(parseCoreMetadata(new TextEncoder().encode('\uFEFFName: demo\n')).name, 'demo')
})

test('bytes that are not UTF-8 are replaced and the rest is read', () => {
  const { fields, name } = parseCoreMetadata(Buffer.from('Author: Andr\xe9\nName: demo\n', 'latin1'))
  assert.deepEqual([fields.get('author'), name], [['Andr\uFFFD'], 'demo'])
})

test('UNKNOWN and empty values count as absent but stay among the fields', () => {
  const metadata = parseCoreMetadata('Name: UNKNOWN\nVersion:\nSummary: UNKNOWN\nRequires-Python: \n\nUNKNOWN\n')
  assert.deepEqual(Object.keys(metadata), ['fields'])
  assert.deepEqual([metadata.fields.get('name'), metadata.fields.get('version')], [['UNKNOWN'], ['']])
})

test('nothing in an empty text is found', () => {
  for (const text of ['', '\n', new Uint8Array()]) assert.deepEqual(parseCoreMetadata(text), { fields: new Map() })
})

test('a field named like a property of objects is a field', () => {
  assert.deepEqual(parseCoreMetadata('__proto__: x\nconstructor: y\n').fields.get('__proto__'), ['x'])
})

test('hostile metadata is read in linear time', () => {
  const started = performance.now()
  for (const unit of ['a', ': ', 'a:\n', ' \n', '\r', 'A: b\n c\n'])
    assert.ok(parseCoreMetadata(`Name: demo\n${unit.repeat(500_000)}`).fields.size >= 1)
  parseCoreMetadata(`Description: a\n${' x\n'.repeat(500_000)}`)
  assert.ok(performance.now() - started < 10_000)
})
