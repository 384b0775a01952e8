import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  contentRange,
  parseRange,
  type RequestedRange,
  type ResolvedRange,
  resolveRange,
} from '#src/http/byte-range.js'

const huge = '9'.repeat(400)
const farthest = Number.MAX_SAFE_INTEGER

const headerCases: readonly (readonly [header: string | undefined, range: RequestedRange | undefined])[] = [
  ['bytes=0-99', { start: 0, end: 99 }],
  ['bytes=5-5', { start: 5, end: 5 }],
  ['bytes=100-', { start: 100 }],
  ['bytes=-10000', { suffix: 10000 }],
  ['bytes=-0', { suffix: 0 }],
  [' BYTES=1-2 ', { start: 1, end: 2 }],
  [`bytes=${huge}-`, { start: farthest }],
  [`bytes=0-${huge}`, { start: 0, end: farthest }],
  [`bytes=-${huge}`, { suffix: farthest }],
  [undefined, undefined],
  ['', undefined],
  ['bytes=-', undefined],
  ['bytes=5-4', undefined],
  ['bytes=0-1,4-5', undefined],
  ['bytes=a-b', undefined],
  ['bytes=0x1-2', undefined],
  ['bytes 0-1', undefined],
  ['items=0-1', undefined],
]

for (const [header, range] of headerCases)
  test(`Range «${header?.slice(0, 20) ?? 'absent'}» asks for ${range === undefined ? 'the whole' : 'a part'}`, () => {
    assert.deepEqual(parseRange(header), range)
  })

const sizeCases: readonly (readonly [range: RequestedRange, size: number, resolved: ResolvedRange | undefined])[] = [
  [{ start: 0, end: 4 }, 10, { start: 0, end: 4 }],
  [{ start: 0, end: 9 }, 10, { start: 0, end: 9 }],
  [{ start: 5, end: farthest }, 10, { start: 5, end: 9 }],
  [{ start: 9 }, 10, { start: 9, end: 9 }],
  [{ start: 10 }, 10, undefined],
  [{ start: farthest }, 10, undefined],
  [{ suffix: 3 }, 10, { start: 7, end: 9 }],
  [{ suffix: 11 }, 10, { start: 0, end: 9 }],
  [{ suffix: 0 }, 10, undefined],
  [{ start: 0 }, 0, undefined],
  [{ suffix: 5 }, 0, undefined],
]

for (const [range, size, resolved] of sizeCases)
  test(`${JSON.stringify(range)} of ${size} bytes ${resolved === undefined ? 'is unsatisfiable' : 'selects bytes'}`, () => {
    assert.deepEqual(resolveRange(range, size), resolved)
  })

test('Content-Range names the range, or only the size when there is none', () => {
  assert.equal(contentRange({ start: 2, end: 5 }, 10), 'bytes 2-5/10')
  assert.equal(contentRange(undefined, 10), 'bytes */10')
})
