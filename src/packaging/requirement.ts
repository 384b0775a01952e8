import { isProjectName } from './name.js'
import { isSpecifierSet } from './specifier.js'

const nameAndRest = /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(.*)$/s
const extras = /^\[([^\]]*)\]\s*/

/**
 * Whether text is a dependency (PEP 508): a name, extras in brackets, a set of version specifiers or an address, and
 * behind a semicolon a marker. Of a marker and an address only that they are there is checked.
 */
export function isRequirement(text: string): boolean {
  const [, name = '', rest = ''] = nameAndRest.exec(text.trim()) ?? []
  if (!isProjectName(name)) return false
  const [bracketed = '', inside] = extras.exec(rest) ?? []
  if (inside !== undefined && inside.trim() !== '' && !inside.split(',').every((extra) => isProjectName(extra.trim())))
    return false
  const after = rest.slice(bracketed.length)
  if (after.startsWith('@')) return /^@\s*[^\s;]+(?:\s*$|\s+;\s*\S)/.test(after)
  const semicolon = after.indexOf(';')
  const specifiers = (semicolon === -1 ? after : after.slice(0, semicolon)).trim()
  if (semicolon !== -1 && after.slice(semicolon + 1).trim() === '') return false
  return isSpecifierSet(specifiers.replace(/^\((.*)\)$/s, '$1'))
}
