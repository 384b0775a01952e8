/**
 * The paths in a wheel's RECORD (PyPA specification "Recording installed projects"): the first column of its CSV, in
 * order. `undefined` when a quoted field has no end or is followed by other characters.
 */
export function parseRecordPaths(text: string): readonly string[] | undefined {
  const paths: string[] = []
  for (let at = 0; at < text.length; ) {
    const { path, end } = text[at] === '"' ? quotedField(text, at) : plainField(text, at)
    if (!['', ',', '\n', '\r'].includes(text.charAt(end))) return undefined
    if (path !== '' || text[end] === ',') paths.push(path)
    at = lineEnd(text, end) + 1
  }
  return paths
}

interface Field {
  readonly path: string
  /** Where the field ends; beyond the text when it never does. */
  readonly end: number
}

function plainField(text: string, start: number): Field {
  // Not `indexOf` in the whole text: without a comma in it every line would be searched to the end.
  const [path = ''] = text.slice(start, lineEnd(text, start)).split(',', 1)
  return { path: path.replace(/\r$/, ''), end: start + path.length }
}

/** RFC 4180: two quotes stand for one. */
function quotedField(text: string, start: number): Field {
  let at = start + 1
  for (;;) {
    const quote = text.indexOf('"', at)
    // A position that holds the opening quote is no end of a field.
    if (quote === -1) return { path: '', end: start }
    if (text[quote + 1] !== '"') return { path: text.slice(start + 1, quote).replaceAll('""', '"'), end: quote + 1 }
    at = quote + 2
  }
}

function lineEnd(text: string, start: number): number {
  const end = text.indexOf('\n', start)
  return end === -1 ? text.length : end
}
