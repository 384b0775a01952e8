import { setImmediate } from 'node:timers/promises'

/** All items in order, `length` of them at a time; other work gets its turn in between. */
export async function* slices<T>(items: readonly T[], length: number): AsyncGenerator<readonly T[]> {
  for (let start = 0; start < items.length; start += length) {
    if (start > 0) await setImmediate()
    yield items.slice(start, start + length)
  }
}
