/** Finds numbers by a hash of 32 bits; several may have the same. */
export interface HashIndex {
  readonly add: (hash: number, value: number) => void
  readonly remove: (hash: number, value: number) => void
  /** The first value under this hash that `isWanted`, or 0. */
  readonly find: (hash: number, isWanted: (value: number) => boolean) => number
}

// Each part grows by itself: doubling one table of a million would hold up the event loop.
const parts = 256

/** An empty index of positive numbers below 2³²; `hashOf` tells again under which hash a value was added. */
export function createHashIndex(hashOf: (value: number) => number): HashIndex {
  const tables: Uint32Array[] = Array.from({ length: parts }, () => new Uint32Array(8))
  const counts = new Uint32Array(parts)

  function insert(table: Uint32Array, hash: number, value: number): void {
    let slot = hash & (table.length - 1)
    while (table[slot] !== 0) slot = (slot + 1) & (table.length - 1)
    table[slot] = value
  }

  function grown(table: Uint32Array): Uint32Array {
    const larger = new Uint32Array(table.length * 2)
    for (const value of table) if (value !== 0) insert(larger, hashOf(value), value)
    return larger
  }

  function find(hash: number, isWanted: (value: number) => boolean): number {
    const table = tables[hash >>> 24] as Uint32Array
    for (let slot = hash & (table.length - 1); ; slot = (slot + 1) & (table.length - 1)) {
      const value = table[slot] as number
      if (value === 0 || (hashOf(value) === hash && isWanted(value))) return value
    }
  }

  return {
    find,
    add: (hash, value) => {
      const part = hash >>> 24
      const count = (counts[part] as number) + 1
      const table = tables[part] as Uint32Array
      if (count * 4 > table.length * 3) tables[part] = grown(table)
      insert(tables[part] as Uint32Array, hash, value)
      counts[part] = count
    },
    remove: (hash, value) => {
      const table = tables[hash >>> 24] as Uint32Array
      const mask = table.length - 1
      let hole = hash & mask
      while (table[hole] !== value) {
        if (table[hole] === 0) return
        hole = (hole + 1) & mask
      }
      // What comes after moves up, so that no search ends at the hole.
      for (let slot = (hole + 1) & mask; table[slot] !== 0; slot = (slot + 1) & mask) {
        const moved = table[slot] as number
        const home = hashOf(moved) & mask
        if (((slot - home) & mask) < ((slot - hole) & mask)) continue
        table[hole] = moved
        hole = slot
      }
      table[hole] = 0
      counts[hash >>> 24] = (counts[hash >>> 24] as number) - 1
    },
  }
}
