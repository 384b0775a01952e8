import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readXmlRpcCall, type XmlRpcValue } from '#src/http/xmlrpc.js'
import { faultResponse, methodResponse } from '#src/render/xmlrpc.js'

const head = '<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse>'

test('a response wraps its value', () => {
  const value = '<value><string>a</string></value>'
  assert.equal(methodResponse('a'), `${head}<params><param>${value}</param></params></methodResponse>\n`)
})

test('a fault is a struct of a code and a text', () => {
  const code = '<member><name>faultCode</name><value><int>1</int></value></member>'
  const text = '<member><name>faultString</name><value><string>no &#60;m&#62;</string></value></member>'
  const fault = `<fault><value><struct>${code}${text}</struct></value></fault>`
  assert.equal(faultResponse(1, 'no <m>'), `${head}${fault}</methodResponse>\n`)
})

test('every value is written so that it reads back the same', () => {
  const values: readonly XmlRpcValue[] = [
    `<&>"' ]]> é 🐍`,
    -7,
    2 ** 31,
    1.5,
    2n ** 62n,
    true,
    false,
    null,
    new Date('1998-07-17T14:08:55Z'),
    Buffer.from([0, 255]),
    ['a', ['b'], []],
    new Map<string, XmlRpcValue>([['<k>', new Map([['__proto__', 'v']])]]),
  ]
  for (const value of values) {
    const call = methodResponse(value)
      .replaceAll('methodResponse>', 'methodCall>')
      .replace('<params>', '<methodName>m</methodName><params>')
    assert.deepEqual(readXmlRpcCall(Buffer.from(call)).params, [value])
  }
})

test('characters that XML 1.0 forbids are left out of names and values', () => {
  const xml = methodResponse(new Map([['a\0b', 'c\u0001\u001b\ud800\ufffe\td\n']]))
  assert.match(xml, /<name>ab<\/name><value><string>c\td\n<\/string><\/value>/)
})
