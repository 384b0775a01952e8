import { isProjectName } from './name.js'
import { isVersion } from './version.js'

/** Project and version of a name without its extension; `version` is empty when it holds none. */
export interface ProjectAndVersion {
  readonly project: string
  readonly version: string
  /** A platform or Python tag followed the version and was cut off: a built distribution. */
  readonly isBuilt?: true
}

const versionStart = /-[0-9]+[A-Za-z_.!+]/
const builtSuffix = /[.-](?:cp[0-9]|py[0-9]|macosx|linux|sunos|solaris|irix|aix|cygwin|win)/i

/**
 * Splits at the last dash when that leaves a project name and a version (PEP 625), and else as pypiserver does: old names
 * have dashes in their versions, platforms after them, or no version at all.
 */
export function splitProjectAndVersion(stem: string): ProjectAndVersion {
  const last = stem.lastIndexOf('-')
  if (last === -1) return { project: stem, version: '' }
  const atLast = { project: stem.slice(0, last), version: stem.slice(last + 1) }
  if (stem.indexOf('-') === last || !stem.includes('.')) return atLast
  const atDigits = splitBeforeDigits(stem)
  // `1.0-1` and `0.5-branch-2013` are versions from their beginning, unlike the `2fa-1.0` in `django-2fa-1.0`.
  if (beginsWithDottedVersion(atDigits.version)) return atDigits
  return isProjectName(atLast.project) && isVersion(atLast.version) ? atLast : atDigits
}

function splitBeforeDigits(stem: string): ProjectAndVersion {
  const dash = stem.search(versionStart)
  if (dash === -1) return { project: stem, version: '' }
  const project = stem.slice(0, dash)
  const version = stem.slice(dash + 1)
  const end = version.search(builtSuffix)
  return end === -1 ? { project, version } : { project, version: version.slice(0, end), isBuilt: true }
}

function beginsWithDottedVersion(version: string): boolean {
  const [first = ''] = version.split('-', 1)
  return first.includes('.') && isVersion(first)
}
