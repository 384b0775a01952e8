import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ConditionalHeaders,
  formatEtag,
  httpDate,
  isNotModified,
  matchesIfRange,
  parseHttpDate,
} from '#src/http/conditional.js'

const date = 'Sun, 06 Nov 1994 08:49:37 GMT'
const dateMs = Date.UTC(1994, 10, 6, 8, 49, 37)
const validators = { etag: 'a,b', modifiedMs: dateMs + 999 }

const notModifiedCases: readonly (readonly [what: string, headers: ConditionalHeaders, expected: boolean])[] = [
  ['without conditions', {}, false],
  ['with the same tag', { ifNoneMatch: '"a,b"' }, true],
  ['with the same tag made weak', { ifNoneMatch: 'W/"a,b"' }, true],
  ['with the tag in a list', { ifNoneMatch: '"x", W/"y" ,"a,b"' }, true],
  ['with any tag', { ifNoneMatch: ' * ' }, true],
  ['with another tag', { ifNoneMatch: '"a", "b"' }, false],
  ['with a tag without quotes', { ifNoneMatch: 'a,b' }, false],
  ['with an empty tag header and a fitting date', { ifNoneMatch: '', ifModifiedSince: date }, false],
  ['with another tag and a fitting date', { ifNoneMatch: '"x"', ifModifiedSince: date }, false],
  ['since its own date', { ifModifiedSince: date }, true],
  ['since a later date', { ifModifiedSince: 'Mon, 07 Nov 1994 08:49:37 GMT' }, true],
  ['since an earlier date', { ifModifiedSince: 'Sun, 06 Nov 1994 08:49:36 GMT' }, false],
  ['since an unreadable date', { ifModifiedSince: 'yesterday' }, false],
]

for (const [what, headers, expected] of notModifiedCases)
  test(`a request ${what} is ${expected ? '' : 'not '}answered by 304`, () => {
    assert.equal(isNotModified(headers, validators), expected)
  })

test('a representation without a date is always modified since', () => {
  assert.equal(isNotModified({ ifModifiedSince: date }, { etag: 'a' }), false)
  assert.equal(matchesIfRange(date, { etag: 'a' }), false)
})

const ifRangeCases: readonly (readonly [value: string, expected: boolean])[] = [
  ['"a,b"', true],
  ['W/"a,b"', false],
  ['"a"', false],
  ['a,b', false],
  ['*', false],
  [date, true],
  ['Sun, 06 Nov 1994 08:49:38 GMT', false],
  ['Sun, 06 Nov 1994 08:49:36 GMT', false],
]

for (const [value, expected] of ifRangeCases)
  test(`If-Range ${value} ${expected ? 'lets' : 'does not let'} the range through`, () => {
    assert.equal(matchesIfRange(value, validators), expected)
  })

test('an entity tag is written in quotes and a time as an IMF-fixdate', () => {
  assert.equal(formatEtag('abc'), '"abc"')
  assert.equal(httpDate(dateMs + 999), date)
})

const now = Date.UTC(2030, 0, 1)
const dateCases: readonly (readonly [text: string, ms: number | undefined])[] = [
  [date, dateMs],
  ['Sunday, 06-Nov-94 08:49:37 GMT', dateMs],
  ['Sun Nov  6 08:49:37 1994', dateMs],
  ['Wednesday, 01-Jan-80 00:00:00 GMT', Date.UTC(2080, 0, 1)],
  ['Thursday, 01-Jan-81 00:00:00 GMT', Date.UTC(1981, 0, 1)],
  ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
  ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
  ['Wed, 29 Feb 2023 00:00:00 GMT', undefined],
  ['Sun, 06 Nov 1994 24:00:00 GMT', undefined],
  ['Sun, 06 Nov 1994 08:60:37 GMT', undefined],
  ['Sun, 06 Foo 1994 08:49:37 GMT', undefined],
  ['Sun, 06 Nov 1994 08:49:37 +0000', undefined],
  ['Sun, 00 Nov 1994 08:49:37 GMT', undefined],
  ['1994-11-06T08:49:37Z', undefined],
  ['', undefined],
]

for (const [text, ms] of dateCases)
  test(`«${text}» is ${ms === undefined ? 'no HTTP date' : 'an HTTP date'}`, () => {
    assert.equal(parseHttpDate(text, now), ms)
  })
