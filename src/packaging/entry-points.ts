const entryName = /^[\w.-]+$/
const groupName = /^\w+(?:\.\w+)*$/
const line = /^(?:\[(?<group>[^\]]*)\]|(?<name>[^=]*?)\s*=\s*(?<value>.*))$/

/**
 * What is wrong with an `entry_points.txt` (PyPA specification "Entry points"): names become file names when scripts are
 * installed, so that they are letters, digits, `_`, `.` and `-` only. `undefined` when nothing is.
 */
export function entryPointsProblem(text: string): string | undefined {
  let hasGroup = false
  const seen = new Set<string>()
  for (const raw of text.split(/\r\n|\r|\n/)) {
    const trimmed = raw.trim()
    // A line with an indent goes on with the value before it, and comments are whole lines, as Python's configparser has it.
    if (trimmed === '' || /^[#;]/.test(trimmed) || (/^[ \t]/.test(raw) && seen.size > 0)) continue
    const { group, name, value } = line.exec(trimmed)?.groups ?? {}
    if (group !== undefined) {
      if (!groupName.test(group)) return `${JSON.stringify(group)} is no name of a group`
      hasGroup = true
      seen.clear()
      continue
    }
    if (name === undefined || !hasGroup) return `${JSON.stringify(trimmed)} is no entry of a group`
    if (!entryName.test(name) || /^\.+$/.test(name)) return `${JSON.stringify(name)} is no name of an entry point`
    if (value === '') return `entry point ${name} leads nowhere`
    if (seen.has(name)) return `entry point ${name} is there twice`
    seen.add(name)
  }
  return undefined
}
