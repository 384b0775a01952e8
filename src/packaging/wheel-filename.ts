import { isVersion } from './version.js'

/** The parts of a wheel's name. */
export interface WheelParts {
  readonly project: string
  readonly version: string
  readonly build?: string
  readonly pythonTag: string
}

// Tags may be compressed sets (PEP 425, "Compressed tag sets").
const tagPattern = /^[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*$/

/** Splits a name without its `.whl` as PEP 427 does ("File name convention"); `undefined` when it has not that form. */
export function splitWheel(stem: string): WheelParts | undefined {
  const parts = stem.split('-')
  const [project = '', version = '', build = ''] = parts
  const tags = parts.slice(-3)
  if (parts.length !== 5 && parts.length !== 6) return undefined
  // An escaped name has single underscores only, and a digit begins the build tag.
  if (!/^[A-Za-z0-9._]+$/.test(project) || project.includes('__') || !isVersion(version)) return undefined
  if (parts.length === 6 && !beginsWithDigit(build)) return undefined
  if (!tags.every((tag) => tagPattern.test(tag))) return undefined
  return wheelParts(project, version, parts.length === 6 ? build : undefined, tags)
}

/**
 * Splits names that old tools wrote against PEP 427, with dashes or odd versions in them: the version is the first part that
 * is one, or else the first that begins with a digit, and three tags follow somewhere after it.
 */
export function splitLegacyWheel(stem: string): WheelParts | undefined {
  const parts = stem.split('-')
  const tags = parts.slice(-3)
  const head = parts.slice(0, -3)
  const isCandidate = (part: string, index: number) => index > 0 && beginsWithDigit(part)
  const valid = head.findIndex((part, index) => isCandidate(part, index) && isVersion(part))
  const at = valid === -1 ? head.findIndex(isCandidate) : valid
  const version = head[at]
  if (version === undefined || tags.includes('')) return undefined
  const next = head[at + 1] ?? ''
  return wheelParts(head.slice(0, at).join('-'), version, beginsWithDigit(next) ? next : undefined, tags)
}

function wheelParts(
  project: string,
  version: string,
  build: string | undefined,
  [pythonTag = '']: readonly string[],
): WheelParts {
  return { project, version, ...(build !== undefined && { build }), pythonTag }
}

function beginsWithDigit(text: string): boolean {
  return /^[0-9]/.test(text)
}
