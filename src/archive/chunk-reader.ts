/** Reads a stream of chunks by lengths; one call at a time. */
export interface ChunkReader {
  /** Exactly `length` bytes, fewer only at the end. */
  read(length: number): Promise<Buffer>
  /** Passes over `length` bytes and fulfils with how many there were, fewer only at the end. */
  skip(length: number): Promise<number>
  /** Ends the iteration of the chunks. */
  close(): Promise<void>
}

/** Cuts chunks of any sizes into the lengths asked for, and holds no more than what one call returns and one chunk. */
export function chunkReader(chunks: AsyncIterable<Uint8Array>): ChunkReader {
  const iterator = chunks[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array()

  async function take(length: number): Promise<Uint8Array | undefined> {
    while (rest.length === 0) {
      const next = await iterator.next()
      if (next.done === true) return undefined
      rest = next.value
    }
    const taken = rest.subarray(0, length)
    rest = rest.subarray(taken.length)
    return taken
  }

  async function pass(length: number, visit: (part: Uint8Array) => void): Promise<number> {
    let passed = 0
    while (passed < length) {
      const part = await take(length - passed)
      if (part === undefined) break
      visit(part)
      passed += part.length
    }
    return passed
  }

  return {
    read: async (length) => {
      const parts: Uint8Array[] = []
      await pass(length, (part) => parts.push(part))
      return Buffer.concat(parts)
    },
    skip: (length) => pass(length, () => {}),
    close: async () => {
      await iterator.return?.()
    },
  }
}
