/** The word that somebody may have meant: the nearest within one slip of the finger for every three of its letters. */
export function closestWord(word: string, words: readonly string[]): string | undefined {
  const near = words
    .map((known) => ({ known, slips: distance(known.toLowerCase(), word.toLowerCase()) }))
    .filter(({ known, slips }) => slips <= known.length / 3)
  return near.sort((one, other) => one.slips - other.slips)[0]?.known
}

/** Letters to add, drop or replace, or neighbours to swap, to get from one word to the other. */
function distance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row]
    rows.push(current)
    for (let column = 1; column <= to.length; column += 1) {
      const isEqual = from[row - 1] === to[column - 1]
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const replaced = at(row - 1, column - 1) + (isEqual ? 0 : 1)
      const swapped = isSwap ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY
      current.push(Math.min(replaced, swapped, at(row - 1, column) + 1, at(row, column - 1) + 1))
    }
  }
  return at(from.length, to.length)
}
