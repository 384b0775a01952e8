import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contentTypeOf } from '#src/http/content-type.js'
import { encodePath, encodePathSegment, relativePrefix, safeReason } from '#src/http/links.js'

const segmentCases: readonly (readonly [text: string, encoded: string])[] = [
  ['demo-1.0-py3-none-any.whl', 'demo-1.0-py3-none-any.whl'],
  ['demo-1.0+local~x!.tar.gz', 'demo-1.0%2Blocal~x!.tar.gz'],
  ['a b/c?d#e%f:g"h', 'a%20b%2Fc%3Fd%23e%25f%3Ag%22h'],
  ['é.whl', '%C3%A9.whl'],
  ['half \ud800', 'half%20%EF%BF%BD'],
]

for (const [text, encoded] of segmentCases)
  test(`the path segment «${text}» becomes ${encoded}`, () => {
    assert.equal(encodePathSegment(text), encoded)
  })

test('a path keeps its slashes', () => {
  assert.equal(encodePath('a b/c+d/e.whl'), 'a%20b/c%2Bd/e.whl')
})

for (const path of [
  '/',
  '/simple',
  '/simple/',
  '/simple/foo',
  '/simple/foo/',
  '/packages/a/b/',
  '/simple//',
  '/a%2Fb/',
])
  test(`the prefix for ${path} leads back to the mount point`, () => {
    for (const mount of ['', '/pypi', '/a/b']) {
      const target = new URL(`${relativePrefix(path)}packages/x.whl`, `http://host${mount}${path}`)
      assert.equal(target.href, `http://host${mount}/packages/x.whl`)
    }
  })

test('the prefix climbs once for each directory of the path', () => {
  assert.equal(relativePrefix('/simple/foo/'), '../../')
})

test('a first segment with a colon does not become a scheme', () => {
  assert.equal(new URL(`${relativePrefix('/simple')}data:x`, 'http://host/simple').href, 'http://host/data:x')
})

const reasonCases: readonly (readonly [text: string, reason: string])[] = [
  ['File already exists', 'File already exists'],
  ['one\r\nSet-Cookie: a=b', 'one Set-Cookie: a=b'],
  ['«größe» 😀\0', '?gr??e? ??'],
  ['  ', ''],
  ['x'.repeat(300), 'x'.repeat(200)],
]

for (const [text, reason] of reasonCases)
  test(`the reason phrase of ${JSON.stringify(text.slice(0, 30))} is one line of ASCII`, () => {
    assert.equal(safeReason(text), reason)
  })

const typeCases: readonly (readonly [filename: string, type: string])[] = [
  ['demo-1.0-py3-none-any.whl', 'application/octet-stream'],
  ['demo-1.0-py3.12.egg', 'application/octet-stream'],
  ['demo-1.0.win32.exe', 'application/octet-stream'],
  ['demo-1.0.msi', 'application/octet-stream'],
  ['demo-1.0.zip', 'application/zip'],
  ['demo-1.0.tar.gz', 'application/gzip'],
  ['Demo-1.0.TGZ', 'application/gzip'],
  ['demo-1.0.tar.bz2', 'application/x-bzip2'],
  ['demo-1.0.tar.xz', 'application/x-xz'],
  ['demo-1.0.tar.gz.asc', 'text/plain; charset=UTF-8'],
  ['demo-1.0.whl.metadata', 'application/octet-stream'],
  ['index.html', 'application/octet-stream'],
  ['', 'application/octet-stream'],
]

for (const [filename, type] of typeCases)
  test(`${filename || 'an empty name'} is served as ${type}`, () => {
    assert.equal(contentTypeOf(filename), type)
  })
