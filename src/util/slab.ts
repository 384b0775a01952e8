/** Memory for very many small records outside the garbage collector's sight; what is freed is used again. */
export interface Slab {
  /** Number of the first of at least `words` words of 32 bits; never 0. What stands there is from before. */
  readonly allocate: (words: number) => number
  /** Gives a record back; `words` as it was allocated. */
  readonly free: (address: number, words: number) => void
  /** Takes a chunk of {@link chunkWords} words over as it stands; tells the address of its first word. */
  readonly adopt: (words: Uint32Array) => number
  /** The chunk that holds the record; it begins at word `address & chunkMask` there. */
  readonly chunkOf: (address: number) => Chunk
}

/** The same memory as words and as bytes. */
export interface Chunk {
  readonly words: Uint32Array
  readonly bytes: Buffer
}

/** Words of one chunk (1 MiB): records never cross its end. */
export const chunkWords = 2 ** 18
/** See {@link Slab.chunkOf}. */
export const chunkMask = chunkWords - 1

/** Records come in sizes of whole units, so that a freed one fits the next of about its length. */
export const unitWords = 2

/** An empty slab: up to 16 GiB. */
export function createSlab(): Slab {
  const chunks: Chunk[] = []
  const freed: number[][] = []
  let next = 0
  let end = 0

  function adopt(words: Uint32Array): number {
    const bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength)
    return (chunks.push({ words, bytes }) - 1) * chunkWords
  }

  return {
    allocate: (words) => {
      const units = Math.ceil(words / unitWords)
      const reused = freed[units]?.pop()
      if (reused !== undefined) return reused
      if (next + units * unitWords > end) {
        // Address 0 stands for none.
        next = adopt(new Uint32Array(chunkWords)) + unitWords
        end = next - unitWords + chunkWords
      }
      const address = next
      next += units * unitWords
      return address
    },
    free: (address, words) => {
      const units = Math.ceil(words / unitWords)
      const list = freed[units]
      if (list === undefined) freed[units] = [address]
      else list.push(address)
    },
    adopt,
    chunkOf: (address) => chunks[address >>> 18] as Chunk,
  }
}
