/** Buffers of one size that are used again, so that sending large files allocates nothing. */
export interface BufferPool {
  /** A buffer with whatever was in it before. One that is never given back is simply collected. */
  readonly take: () => Buffer
  /** Takes a buffer back; nobody may read or write it from now on. */
  readonly give: (buffer: Buffer) => void
}

/** A pool of buffers of `bytes` each that holds on to at most `idle` unused ones. */
export function createBufferPool({ bytes, idle }: { readonly bytes: number; readonly idle: number }): BufferPool {
  const unused: Buffer[] = []
  return {
    take: () => unused.pop() ?? Buffer.allocUnsafeSlow(bytes),
    give: (buffer) => {
      if (unused.length < idle) unused.push(buffer)
    },
  }
}
