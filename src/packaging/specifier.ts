import { parseVersion } from './version.js'

const clausePattern = /^(~=|===|==|!=|<=|>=|<|>)\s*(\S+)$/

/** Whether text is a list of version specifiers (PEP 440, "Version specifiers"), as `Requires-Python` holds one. */
export function isSpecifierSet(text: string): boolean {
  const clauses = text.split(',').map((clause) => clause.trim())
  return clauses.every((clause) => clause === '' || isClause(clause))
}

function isClause(clause: string): boolean {
  const [, operator = '', version = ''] = clausePattern.exec(clause) ?? []
  if (operator === '===') return true
  if (version.endsWith('.*')) return isEquality(operator) && isPrefix(version.slice(0, -2))
  const parsed = parseVersion(version)
  if (parsed === undefined || operator === '') return false
  if (parsed.local !== undefined && !isEquality(operator)) return false
  return operator !== '~=' || parsed.release.length > 1
}

function isEquality(operator: string): boolean {
  return operator === '==' || operator === '!='
}

/** What `.*` may follow: an epoch and release numbers, and for the sake of old files their pre- and post-releases not. */
function isPrefix(text: string): boolean {
  return /^v?(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*$/i.test(text)
}
