// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 section 7 forbids exactly these.
const string = /\s*"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const scalar = /\s*(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y
const maxDepth = 100

/**
 * The number of the line where text stops being JSON, counted from 1: for texts that `JSON.parse` refused, since its own
 * messages tell the place in some cases only. Nesting deeper than 100 counts as a stop.
 */
export function badJsonLine(text: string): number {
  let at = 0
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at
    const found = pattern.test(text)
    if (found) at = pattern.lastIndex
    return found
  }
  const list = (end: RegExp, element: () => boolean): boolean => {
    if (take(end)) return true
    do if (!element()) return false
    while (take(/\s*,/y))
    return take(end)
  }
  const value = (depth: number): boolean => {
    if (depth > maxDepth) return false
    if (take(string) || take(scalar)) return true
    if (take(/\s*\[/y)) return list(/\s*\]/y, () => value(depth + 1))
    return take(/\s*\{/y) && list(/\s*\}/y, () => take(string) && take(/\s*:/y) && value(depth + 1))
  }
  value(0)
  take(/\s*/y)
  return text.slice(0, at).split('\n').length
}
