/**
 * The function, with its last answers at hand: for what is asked again and again with the same few texts. At most
 * `maxEntries` texts of at most 2 KiB are kept; when they are more, all are forgotten.
 */
export function remembered<T>(work: (text: string | undefined) => T, maxEntries = 100): typeof work {
  const known = new Map<string | undefined, { readonly value: T }>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found.value
    const value = work(text)
    if (known.size >= maxEntries) known.clear()
    if ((text?.length ?? 0) <= maxLength) known.set(text, { value })
    return value
  }
}

const maxLength = 2048
