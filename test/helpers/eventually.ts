import { setTimeout } from 'node:timers/promises'

/** Asks again until the answer is truthy, and fails after `limitMs`: for what happens soon but not at once. */
export async function eventually<T>(ask: () => T | Promise<T>, limitMs = 5000): Promise<NonNullable<T>> {
  const endMs = performance.now() + limitMs
  for (;;) {
    const answer = await ask()
    if (answer) return answer
    if (performance.now() > endMs) throw new Error(`not within ${limitMs} ms`)
    await setTimeout(10)
  }
}
