import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sortInSlices } from '#src/util/sort-in-slices.js'

/** The same every time, and in no order. */
function scrambled(count: number): readonly { readonly key: number; readonly place: number }[] {
  let seed = 1
  return Array.from({ length: count }, (_, place) => {
    seed = (seed * 48271) % 2147483647
    return { key: seed % 1000, place }
  })
}

for (const count of [0, 1, 8192, 8193, 24_576, 50_001]) {
  test(`${count} items are sorted as sort() does it, equal ones as they came`, async () => {
    const items = scrambled(count)
    const before = [...items]
    const compare = (a: { key: number }, b: { key: number }): number => a.key - b.key
    const groups = [items.slice(0, 3), [], items.slice(3, 9000), items.slice(9000)]
    assert.deepEqual(await sortInSlices(groups, compare), items.toSorted(compare))
    assert.deepEqual(groups.flat(), before)
  })
}

test('other work gets its turn while many items are sorted', async () => {
  let turns = 0
  const count = (): void => {
    turns += 1
    timer = setImmediate(count)
  }
  let timer = setImmediate(count)
  await sortInSlices([scrambled(50_001)], (a, b) => a.key - b.key)
  clearImmediate(timer)
  assert.ok(turns >= 10, `${turns} turns`)
})
