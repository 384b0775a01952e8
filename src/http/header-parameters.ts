/** A header value such as `form-data; name="x"`, taken apart. */
export interface ParameterizedValue {
  /** Lower case, without parameters. */
  readonly value: string
  /** In order, duplicates included; names in lower case, values without quotes but with their backslashes. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

const valueAndRest = /^[ \t]*([^\s;]+)[ \t]*(;.*)?$/s

/** Takes a header value with parameters apart (RFC 9110 5.6.6); `undefined` when any piece of it does not fit. */
export function parseParameterized(text: string): ParameterizedValue | undefined {
  const [, value, rest = ''] = valueAndRest.exec(text) ?? []
  if (value === undefined) return undefined
  const parameters: [string, string][] = []
  const left = rest.replace(
    /;[ \t]*([^\s=;"]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))[ \t]*/g,
    (_, name: string, quoted: string | undefined, bare: string | undefined) => {
      parameters.push([name.toLowerCase(), quoted ?? bare ?? ''])
      return ''
    },
  )
  // A semicolon at the very end is common and harmless.
  return left === '' || left === ';' ? { value: value.toLowerCase(), parameters } : undefined
}
