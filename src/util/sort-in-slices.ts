import { setImmediate } from 'node:timers/promises'

/** Which of two comes first, as `sort()` asks. */
export type Compare<T> = (a: T, b: T) => number

// Sorted or merged in a few milliseconds.
const runLength = 8192

/** The items of all groups in order, equal ones as they came; other work gets its turn in between. */
export async function sortInSlices<T>(groups: readonly (readonly T[])[], compare: Compare<T>): Promise<readonly T[]> {
  const count = groups.reduce((sum, { length }) => sum + length, 0)
  // As long as they will be: arrays of this size take tens of milliseconds to grow.
  let from = new Array<T>(count)
  await fill(from, groups)
  if (count <= runLength) return from.sort(compare)
  for (let start = 0; start < count; start += runLength) {
    for (const [index, item] of from
      .slice(start, start + runLength)
      .sort(compare)
      .entries())
      from[start + index] = item
    await setImmediate()
  }
  let into = new Array<T>(count)
  for (let length = runLength; length < count; length *= 2) {
    for (let start = 0; start < count; start += 2 * length) {
      const middle = Math.min(start + length, count)
      await merge(from, into, { start, middle, end: Math.min(middle + length, count), compare })
    }
    const merged = into
    into = from
    from = merged
  }
  return from
}

async function fill<T>(whole: T[], groups: readonly (readonly T[])[]): Promise<void> {
  let at = 0
  for (const group of groups) {
    for (const item of group) {
      whole[at++] = item
      if (at % runLength === 0) await setImmediate()
    }
  }
}

interface Runs<T> {
  readonly start: number
  readonly middle: number
  readonly end: number
  readonly compare: Compare<T>
}

/** Makes one run of two neighbouring ones. */
async function merge<T>(from: readonly T[], into: T[], { start, middle, end, compare }: Runs<T>): Promise<void> {
  let left = start
  let right = middle
  for (let at = start; at < end; at += 1) {
    const isLeft = right >= end || (left < middle && compare(from[left] as T, from[right] as T) <= 0)
    into[at] = from[isLeft ? left++ : right++] as T
    if (at % runLength === 0) await setImmediate()
  }
}
