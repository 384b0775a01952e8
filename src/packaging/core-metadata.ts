/** The headers of a `METADATA` or `PKG-INFO` file, and those of them that an index needs. */
export interface CoreMetadata {
  /** By lower-case name, in the order of the file; a continued value keeps its line feeds and indents. */
  readonly fields: ReadonlyMap<string, readonly string[]>
  readonly name?: string
  readonly version?: string
  readonly requiresPython?: string
  readonly summary?: string
  /** The body; without one, the `Description` header with its indent removed. */
  readonly description?: string
}

const lineBreak = /\r\n|\r|\n/g
// RFC 5322 2.2: printable ASCII but the colon.
const headerLine = /^([!-9;-~]+):(.*)$/s
const descriptionIndent = /^(?: {8}| {7}\|)/

/**
 * Reads core metadata (PyPA specification "Core metadata") as leniently as installers do. Headers end at the first line that
 * is none, or at an empty one. Bytes that are not UTF-8 become U+FFFD. `UNKNOWN` and empty values count as absent, except in
 * `fields`; of a repeated value the first counts. Total: never throws.
 */
export function parseCoreMetadata(bytes: Uint8Array | string): CoreMetadata {
  const text = typeof bytes === 'string' ? bytes.replace(/^\uFEFF/, '') : new TextDecoder().decode(bytes)
  const { fields, body } = splitHeaders(text)
  const first = (field: string) => known(fields.get(field)?.[0]?.replace(/\s+/g, ' ').trim())
  const name = first('name')
  const version = first('version')
  const requiresPython = first('requires-python')
  const summary = first('summary')
  const description = known(body) ?? known(unindent(fields.get('description')?.[0]))
  return {
    fields,
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    ...(requiresPython !== undefined && { requiresPython }),
    ...(summary !== undefined && { summary }),
    ...(description !== undefined && { description }),
  }
}

/** Old build tools wrote `UNKNOWN` for what nobody had set. */
function known(value: string | undefined): string | undefined {
  const trimmed = value?.trim() ?? ''
  return trimmed === '' || trimmed === 'UNKNOWN' ? undefined : value
}

function splitHeaders(text: string): { fields: Map<string, string[]>; body: string } {
  const fields = new Map<string, string[]>()
  let values: string[] | undefined
  for (const { line, start, next } of lines(text)) {
    if (line === '') return { fields, body: text.slice(next) }
    if (values !== undefined && /^[ \t]/.test(line)) {
      values.push(`${values.pop() ?? ''}\n${line}`)
      continue
    }
    const [, name, value = ''] = headerLine.exec(line) ?? []
    if (name === undefined) return { fields, body: text.slice(start) }
    values = fields.get(name.toLowerCase()) ?? []
    values.push(value.trim())
    fields.set(name.toLowerCase(), values)
  }
  return { fields, body: '' }
}

/** Lines without their breaks, one at a time: a long body is never split. */
function* lines(text: string): Generator<{ line: string; start: number; next: number }> {
  let start = 0
  for (const { 0: lineEnd, index } of text.matchAll(lineBreak)) {
    const next = index + lineEnd.length
    yield { line: text.slice(start, index), start, next }
    start = next
  }
  if (start < text.length) yield { line: text.slice(start), start, next: text.length }
}

function unindent(value: string | undefined): string | undefined {
  // PyPA specification "Core metadata", "Description": lines of the header form begin with eight spaces or with seven and a bar.
  const unindented = value?.split('\n').map((line) => line.replace(descriptionIndent, ''))
  return unindented?.join('\n').trim()
}
