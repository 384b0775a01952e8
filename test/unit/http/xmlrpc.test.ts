import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readXmlRpcCall, type XmlRpcCall, type XmlRpcValue } from '#src/http/xmlrpc.js'

const badRequest = { code: 'ERR_PYPI_BAD_REQUEST', message: 'Invalid or unsafe XML payload' }

function read(xml: string | Uint8Array): XmlRpcCall {
  return readXmlRpcCall(Buffer.from(xml))
}

function readValues(...values: readonly string[]): readonly XmlRpcValue[] {
  const params = values.map((value) => `<param><value>${value}</value></param>`).join('\n')
  return read(`<methodCall><methodName>m</methodName><params>${params}</params></methodCall>`).params
}

test('a call as pip sends it is read', () => {
  const list = '<value><array><data>\n<value><string>demo</string></value>\n</data></array></value>'
  const call = read(`<?xml version='1.0'?>
<methodCall>
<methodName>search</methodName>
<params>
<param>
<value><struct>
<member>
<name>name</name>
${list}
</member>
<member>
<name>summary</name>
${list}
</member>
</struct></value>
</param>
<param>
<value><string>or</string></value>
</param>
</params>
</methodCall>
`)
  const spec = new Map([
    ['name', ['demo']],
    ['summary', ['demo']],
  ])
  assert.deepEqual(call, { method: 'search', params: [spec, 'or'] })
})

test('every scalar type of XML-RPC is read', () => {
  const values = readValues(
    'untyped',
    '<string> a &amp; b <![CDATA[<c>]]></string>',
    '<int> -2147483648 </int>',
    '<i4>+7</i4>',
    '<i8>9223372036854775807</i8>',
    '<boolean>1</boolean>',
    '<boolean>0</boolean>',
    '<double>-1.5</double>',
    '<double>+.5e1</double>',
    '<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>',
    '<base64>eW91\n</base64>',
    '<nil/>',
    '<string/>',
    '',
  )
  const date = new Date('1998-07-17T14:08:55Z')
  const max = 9223372036854775807n
  const bytes = Buffer.from('you')
  assert.deepEqual(values, [
    'untyped',
    ' a & b <c>',
    -2147483648,
    7,
    max,
    true,
    false,
    -1.5,
    5,
    date,
    bytes,
    null,
    '',
    '',
  ])
})

test('the keys of a struct are never properties of an object', () => {
  const member = (name: string): string => `<member><name>${name}</name><value>x</value></member>`
  const [struct] = readValues(`<struct>${member('__proto__')}${member('constructor')}</struct>`)
  assert.deepEqual(
    struct,
    new Map([
      ['__proto__', 'x'],
      ['constructor', 'x'],
    ]),
  )
})

for (const value of [
  '<int>2147483648</int>',
  '<int>1.0</int>',
  '<int/>',
  '<i8>9223372036854775808</i8>',
  '<boolean>true</boolean>',
  '<double>inf</double>',
  '<double>1e999</double>',
  '<dateTime.iso8601>19981317T14:08:55</dateTime.iso8601>',
  '<base64>!</base64>',
  '<nil>0</nil>',
  '<float>1</float>',
  '<int>1</int><int>2</int>',
  '<array><value>a</value></array>',
  '<array><data><string>a</string></data></array>',
  '<struct><member><name>a</name></member></struct>',
  '<struct><member><value>a</value></member></struct>',
  '<struct><value>a</value></struct>',
]) {
  test(`${value} is no parameter`, () => {
    const { method, params } = read(
      `<methodCall><methodName>m</methodName><params><param><value>${value}</value></param></params></methodCall>`,
    )
    assert.equal(method, 'm')
    // Read leniently: only a string within it counts.
    assert.deepEqual(params, value.includes('<string>') ? ['a'] : [])
  })
}

test('in a document of any other form the first method name and the first string count', () => {
  const xml = '<xml><methodName> search </methodName><a><string>test</string></a><string>other</string></xml>'
  assert.deepEqual(read(xml), { method: 'search', params: ['test'] })
})

test('a call without parameters is read', () => {
  assert.deepEqual(read('<methodCall><methodName>m</methodName></methodCall>'), { method: 'm', params: [] })
  assert.deepEqual(read('<methodCall><methodName>m</methodName><params/></methodCall>'), { method: 'm', params: [] })
})

test('a document without a method name has no method', () => {
  assert.deepEqual(read('<methodCall/>'), { method: undefined, params: [] })
  assert.equal(read('<methodCall><methodName> </methodName></methodCall>').method, undefined)
})

test('a byte order mark and the encodings that UTF-8 covers are read', () => {
  for (const encoding of ['utf-8', 'UTF-8', 'US-ASCII', 'ascii']) {
    const xml = `\ufeff<?xml version="1.0" encoding="${encoding}"?><m><methodName>é</methodName></m>`
    assert.equal(read(xml).method, 'é')
  }
})

const refused: Readonly<Record<string, string | Uint8Array>> = {
  'an empty body': '',
  'text alone': 'search',
  'an element that is not closed': '<methodCall><methodName>search</methodName>',
  'a second root element': '<a/><b/>',
  'a document type without anything in it': '<!DOCTYPE methodCall><methodCall/>',
  'a document type of another file': '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
  'an entity that grows':
    '<!DOCTYPE a [<!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;">]><a><methodName>&m;</methodName></a>',
  'an entity that stands for a file':
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><methodName>&x;</methodName></a>',
  'a parameter entity': '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p">%p;]><a/>',
  'an entity nobody declared': '<a><methodName>&nbsp;</methodName></a>',
  'an entity named like a member of every object': '<a><methodName>&constructor;</methodName></a>',
  'a reference to a character that XML forbids': '<a><methodName>&#0;</methodName></a>',
  'a control character': '<a><methodName>\u0001</methodName></a>',
  'a control character that XML 1.1 allows': '<?xml version="1.1"?><a><methodName>&#1;</methodName></a>',
  'another declared encoding': '<?xml version="1.0" encoding="iso-8859-1"?><a/>',
  'UTF-7': '<?xml version="1.0" encoding="utf-7"?><a/>',
  'UTF-16 with a byte order mark': Buffer.from('\ufeff<a/>', 'utf16le'),
  'UTF-16 without one': Buffer.from('<a/>', 'utf16le'),
  'bytes that are no UTF-8': Buffer.from('<a>\xff</a>', 'latin1'),
  '65 levels': `${'<a>'.repeat(65)}${'</a>'.repeat(65)}`,
}
for (const [what, xml] of Object.entries(refused)) {
  test(`${what}: refused as no safe XML`, () => {
    assert.throws(() => read(xml), badRequest)
  })
}

test('long digits are looked through once, not once for each of them', () => {
  const digits = '1'.repeat(65_000)
  const startedMs = performance.now()
  for (let round = 0; round < 5; round++) assert.deepEqual(readValues(`<double>${digits}!</double>`), [])
  assert.ok(performance.now() - startedMs < 2000)
})

test('64 levels are read', () => {
  const xml = `${'<a>'.repeat(63)}<methodName>m</methodName>${'</a>'.repeat(63)}`
  assert.equal(read(xml).method, 'm')
})
