/**
 * Does work once for all who ask for it under one key at about the same time: who asks while it is under way shares the next
 * run with whoever else does, for what was begun before cannot tell of what came after.
 */
export function sharing<T>(work: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const running = new Map<string, Promise<T>>()
  const waiting = new Map<string, Promise<T>>()

  function begin(key: string): Promise<T> {
    waiting.delete(key)
    const run = work(key)
    const end = (): void => {
      if (running.get(key) === run) running.delete(key)
    }
    running.set(key, run)
    run.then(end, end)
    return run
  }

  return (key) => {
    const next = waiting.get(key)
    if (next !== undefined) return next
    const current = running.get(key)
    if (current === undefined) return begin(key)
    const following = current.then(
      () => begin(key),
      () => begin(key),
    )
    waiting.set(key, following)
    return following
  }
}
