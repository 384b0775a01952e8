import { isProjectName, type NormalizedName, normalizeName } from '../packaging/name.js'
import { matchesGlob } from '../util/glob.js'

/** Whether a project is one of those that are meant. */
export type NameRule = (name: NormalizedName) => boolean

/** Whether some project name can match: a name in any spelling, in which `*` stands for any characters. */
export function isNamePattern(text: string): boolean {
  return isProjectName(text.trim().replaceAll('*', 'x'))
}

/** Names and patterns, as {@link isNamePattern} takes them, in one rule; all compared in their normalized spelling. */
export function nameRule(patterns: readonly string[]): NameRule {
  const normalized = patterns.map((pattern) => normalizeName(pattern.trim()))
  const names = new Set(normalized.filter((pattern) => !pattern.includes('*')))
  const globs = normalized.filter((pattern) => pattern.includes('*'))
  return (name) => names.has(name) || globs.some((glob) => matchesGlob(glob, name))
}
