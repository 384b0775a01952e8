import assert from 'node:assert/strict'
import { test } from 'node:test'
import { negotiate, negotiateEncoding, negotiateProblem, negotiateSimple } from '#src/http/accept.js'

const html = 'text/html'
const v1html = 'application/vnd.pypi.simple.v1+html'
const v1json = 'application/vnd.pypi.simple.v1+json'
const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'
const pip = `${v1json}, ${v1html}; q=0.1, text/html; q=0.01`

const simpleCases: readonly (readonly [client: string, accept: string | undefined, type: string | undefined])[] = [
  ['pip 22.2 and later, and pdm', pip, v1json],
  ['pip before 22.2', 'text/html', html],
  ['uv', `${v1json}, ${v1html};q=0.2, text/html;q=0.01`, v1json],
  ['poetry', `${v1json}, */*;q=0.1`, v1json],
  ['devpi', `${v1html};q=0.2, ${v1json}, text/html;q=0.01`, v1json],
  ['hatch and curl', '*/*', html],
  ['bandersnatch', v1json, v1json],
  ['easy_install, which sends nothing', undefined, html],
  ['a blank header', ' ', html],
  ['a browser', browser, html],
  ['old Java', 'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2', html],
  ['a client of the latest JSON', 'application/vnd.pypi.simple.latest+json', v1json],
  ['a client of the latest HTML', 'application/vnd.pypi.simple.latest+html', v1html],
  ['any application type', 'application/*', v1html],
  ['a client that refuses HTML', 'text/html;q=0, */*;q=0.5', v1html],
  ['a client that refuses all but JSON', `text/html;q=0, ${v1html};q=0, */*`, v1json],
  ['equal quality, exact before wildcard', `*/*, ${v1json}`, v1json],
  [
    'the same type twice, the higher quality counts',
    `application/vnd.pypi.simple.latest+json;q=0.1, ${v1json};q=0.9, text/html;q=0.5`,
    v1json,
  ],
  ['upper case', v1json.toUpperCase(), v1json],
  ['parameters other than q', `${v1json};charset=utf-8;q=0.5, text/html;q=0.4`, v1json],
  ['a quality over 1, taken for 1', `${v1html};q=9, ${v1json}`, v1html],
  ['an unreadable quality, which drops its range', `${v1json};q=high, text/html;q=0.1`, html],
  ['a type that is not served', 'application/json', undefined],
  ['everything refused', '*/*;q=0', undefined],
  ['a header over 2 KiB', `${v1json}, ${'a'.repeat(2048)}/b`, html],
  ['more than 32 ranges', `${v1json}${', a/b'.repeat(32)}`, html],
]

for (const [client, accept, type] of simpleCases)
  test(`index page for ${client} is ${type ?? 'not acceptable'}`, () => {
    assert.equal(negotiateSimple({ accept }), type)
  })

const formatCases: readonly (readonly [format: string, type: string | undefined])[] = [
  [v1json, v1json],
  ['application/vnd.pypi.simple.v1 json', v1json],
  ['application/vnd.pypi.simple.latest+json', v1json],
  ['application/vnd.pypi.simple.latest html', v1html],
  ['text/html', html],
  ['json', undefined],
  ['', undefined],
  ['constructor', undefined],
]

for (const [format, type] of formatCases)
  test(`?format=${format} overrides Accept with ${type ?? 'nothing acceptable'}`, () => {
    assert.equal(negotiateSimple({ accept: 'text/plain', format }), type)
  })

test('a query without format leaves the choice to Accept', () => {
  assert.equal(negotiateSimple({ accept: v1json, format: new URLSearchParams().get('format') }), v1json)
})

test('offers of equal standing are taken in their order', () => {
  assert.equal(negotiate('text/*', ['text/b', 'text/a']), 'text/b')
  assert.equal(negotiate('text/a, text/b', ['text/b', 'text/a']), 'text/b')
})

const problemCases: readonly (readonly [client: string, accept: string | undefined, type: string])[] = [
  ['a client without Accept', undefined, 'text/plain'],
  ['a client of anything', '*/*', 'text/plain'],
  ['a browser', browser, 'text/html'],
  ['uv publish', 'application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7', 'application/json'],
  ['a client of RFC 9457', 'application/problem+json, application/json;q=0.5', 'application/problem+json'],
  ['poetry', `${v1json}, */*;q=0.1`, 'text/plain'],
  ['pip', pip, 'text/html'],
  ['a client that fits nothing', 'image/png', 'text/plain'],
]

for (const [client, accept, type] of problemCases)
  test(`an error for ${client} is ${type}`, () => {
    assert.equal(negotiateProblem(accept), type)
  })

const encodingCases: readonly (readonly [header: string | undefined, coding: string])[] = [
  [undefined, 'identity'],
  ['', 'identity'],
  ['identity', 'identity'],
  ['gzip, deflate', 'gzip'],
  ['gzip, deflate, zstd', 'gzip'],
  ['gzip, deflate, br', 'br'],
  ['br;q=0.5, gzip', 'gzip'],
  ['GZIP;Q=1', 'gzip'],
  ['*', 'br'],
  ['br;q=0, *', 'gzip'],
  ['gzip;q=0.5, identity', 'identity'],
  ['gzip;q=0', 'identity'],
  ['identity;q=0, *;q=0', 'identity'],
]

for (const [header, coding] of encodingCases)
  test(`Accept-Encoding «${header ?? 'absent'}» is served as ${coding}`, () => {
    assert.equal(negotiateEncoding(header, ['br', 'gzip']), coding)
  })
