/** The part of a Map that {@link createShardedMap} has. */
export interface ShardedMap<V> {
  readonly get: (key: string) => V | undefined
  readonly set: (key: string, value: V) => void
  readonly delete: (key: string) => void
  /** Each key that is there all the time, once, whatever is changed meanwhile. */
  readonly keys: () => Generator<string>
}

const shards = 64

/** A Map in parts: a large one holds up the event loop for a tenth of a second whenever it doubles. */
export function createShardedMap<V>(): ShardedMap<V> {
  const maps = Array.from({ length: shards }, () => new Map<string, V>())

  function shard(key: string): Map<string, V> {
    const { length } = key
    const mix = length + 3 * key.charCodeAt(length - 1) + 7 * key.charCodeAt(length >> 1) + 31 * key.charCodeAt(0)
    return maps[(mix >>> 0) % shards] as Map<string, V>
  }

  return {
    get: (key) => shard(key).get(key),
    set: (key, value) => void shard(key).set(key, value),
    delete: (key) => void shard(key).delete(key),
    keys: function* () {
      for (const map of maps) for (const key of [...map.keys()]) if (map.has(key)) yield key
    },
  }
}
