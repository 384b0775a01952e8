/**
 * Whether text is what a glob says: `*` stands for any run of characters, none included, `?` for exactly one, and every
 * other character for itself. Takes time in proportion to both lengths multiplied, whatever they contain.
 */
export function matchesGlob(glob: string, text: string): boolean {
  let at = 0
  let next = 0
  let star = -1
  let resume = 0
  while (next < text.length) {
    if (glob[at] === '*') {
      star = at
      resume = next
      at += 1
    } else if (glob[at] === '?' || glob[at] === text[next]) {
      at += 1
      next += 1
    } else if (star >= 0) {
      // Only the last star need ever take more: what came before it matched as early as it could.
      resume += 1
      next = resume
      at = star + 1
    } else {
      return false
    }
  }
  return /^\**$/.test(glob.slice(at))
}
