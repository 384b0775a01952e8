/** What `METADATA` and `PKG-INFO` say. */
export interface CoreMetadata {
  /** Values in the order they come, by field name in lower case. */
  readonly fields: ReadonlyMap<string, readonly string[]>
  readonly name?: string
  readonly version?: string
  readonly requiresPython?: string
  readonly summary?: string
  /** From the body, or from the field of the oldest metadata versions. */
  readonly description?: string
}

/**
 * Reads core metadata as Python's email parser does: header lines, continuation lines that keep their newline and
 * indent, then the body after the first line that is neither. Total: never throws, and replaces what is not UTF-8.
 */
export function parseCoreMetadata(source: Uint8Array | string): CoreMetadata {
  const text = typeof source === 'string' ? source : new TextDecoder('utf-8').decode(source)
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)
  const fields = new Map<string, string[]>()
  let values: string[] | undefined
  let next = 0
  for (; next < lines.length; next += 1) {
    const line = lines[next] ?? ''
    const [, name, value = ''] = /^([^\s:]+):[ \t]*(.*)$/.exec(line) ?? []
    if (/^[ \t]/.test(line) && values !== undefined) values.push(`${values.pop()}\n${line}`)
    else if (name === undefined) break
    else values = valuesOf(fields, name.toLowerCase(), value)
  }
  // One empty line divides; a line that just cannot be a header belongs to the body already.
  const body = lines.slice(lines[next] === '' ? next + 1 : next).join('\n')
  return { fields, ...wellKnown(fields, body) }
}

function valuesOf(fields: Map<string, string[]>, name: string, value: string): string[] {
  const values = fields.get(name) ?? []
  fields.set(name, values)
  values.push(value)
  return values
}

function wellKnown(fields: CoreMetadata['fields'], body: string): Omit<CoreMetadata, 'fields'> {
  const description = present(body) ?? first(fields, 'description')
  const found = {
    name: first(fields, 'name'),
    version: first(fields, 'version'),
    requiresPython: first(fields, 'requires-python'),
    summary: first(fields, 'summary'),
    description,
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}

function first(fields: CoreMetadata['fields'], name: string): string | undefined {
  return present(fields.get(name)?.[0]?.trim())
}

/** Old tools wrote `UNKNOWN` for what they did not know. */
function present(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text === 'UNKNOWN' ? undefined : text
}
