import { parseVersion, type Version } from './version.js'

const clausePattern = /^(~=|===|==|!=|<=|>=|<|>)\s*(\S+)$/

/** Whether the text is a set of version specifiers, such as a `Requires-Python` (PEP 440, "Version specifiers"). An empty set is one. */
export function isSpecifierSet(text: string): boolean {
  return text
    .split(',')
    .map((clause) => clause.trim())
    .every((clause) => clause === '' || isSpecifier(clause))
}

function isSpecifier(clause: string): boolean {
  const [, operator, text] = clausePattern.exec(clause) ?? []
  if (operator === undefined || text === undefined) return false
  // PEP 440, "Arbitrary equality": compared as text.
  if (operator === '===') return true
  const isEquality = operator === '==' || operator === '!='
  if (text.endsWith('.*')) return isEquality && isReleaseOnly(parseVersion(text.slice(0, -2)))
  const version = parseVersion(text)
  if (version === undefined) return false
  // PEP 440, "Compatible release": a lone number leaves nothing to hold fast.
  if (operator === '~=' && version.release.length < 2) return false
  return isEquality || version.local === undefined
}

function isReleaseOnly(version: Version | undefined): boolean {
  if (version === undefined) return false
  return [version.pre, version.post, version.dev, version.local].every((part) => part === undefined)
}
