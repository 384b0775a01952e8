import assert from 'node:assert/strict'
import { test } from 'node:test'
import { escapeXml, xml, xmlDocument } from '#src/render/xml.js'

test('values in XML are escaped, markup is not', () => {
  const inner = xml`<b>${'<&>"\''}</b>`
  assert.equal(
    xmlDocument(xml`<a>${inner}</a>`),
    `<?xml version="1.0" encoding="UTF-8"?>\n<a><b>&#60;&#38;&#62;&#34;&#39;</b></a>\n`,
  )
})

test('absent values leave nothing in XML', () => {
  assert.equal(xml`<a>${undefined}${false}${[]}</a>`.markup, '<a></a>')
})

test('characters that XML forbids are replaced, all others stay', () => {
  assert.equal(escapeXml('a\0\x1b\ufffe\ud800b\t\n\u{1f600}é'), 'a\ufffd\ufffd\ufffd\ufffdb\t\n\u{1f600}é')
})

test('a carriage return survives reading', () => {
  assert.equal(escapeXml('a\r\nb'), 'a&#13;\nb')
})
