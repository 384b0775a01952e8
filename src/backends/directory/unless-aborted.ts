/**
 * Begins work and waits for it, but rejects with the signal's reason once that is aborted: at once if it is already, and
 * then nothing begins. Work that began goes on, so it must be such that nobody needs its result.
 */
export async function unlessAborted<T>(signal: AbortSignal | undefined, begin: () => Promise<T>): Promise<T> {
  if (signal === undefined) return await begin()
  signal.throwIfAborted()
  let giveUp = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    giveUp = () => reject(signal.reason)
  })
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await Promise.race([begin(), aborted])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
