/** A version as PEP 440 reads it. Numbers are digit strings without leading zeros, because they have no upper limit. */
export interface Version {
  /** `0` when the text names none. */
  readonly epoch: string
  /** At least one number; trailing zeros are kept. */
  readonly release: readonly string[]
  readonly pre?: { readonly phase: PreReleasePhase; readonly number: string }
  readonly post?: string
  readonly dev?: string
  /** Lower case, split at `.`, `-` and `_`. */
  readonly local?: readonly string[]
}

export type PreReleasePhase = 'a' | 'b' | 'rc'

/** Longest version that is taken for valid, in characters. */
export const maxVersionLength = 256

// PEP 440, appendix B, taken apart so that none can backtrack far. ASCII only: without the `u` flag, `i` folds nothing
// onto ASCII.
const epochAndRelease = /^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)/i
const plainRelease = /^[0-9]+(?:\.[0-9]+)*$/
const preRelease = /^[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]*)/i
const postRelease = /^(?:-([0-9]+)|[-_.]?(?:post|rev|r)[-_.]?([0-9]*))/i
const devRelease = /^[-_.]?dev[-_.]?([0-9]*)/i
const localVersion = /^\+([a-z0-9]+(?:[-_.][a-z0-9]+)*)$/i

// Below every digit and letter, so that what ends here comes before what goes on.
const end = '!'
const lengthWidth = maxVersionLength.toString(36).length

/** Reads a version; `undefined` when it is not one (PEP 440) or is longer than {@link maxVersionLength}. */
export function parseVersion(text: string): Version | undefined {
  if (text.length > maxVersionLength) return undefined
  const trimmed = text.trim()
  const [start, epoch = '0', release] = epochAndRelease.exec(trimmed) ?? []
  if (start === undefined || release === undefined) return undefined
  const suffixes = parseSuffixes(trimmed.slice(start.length))
  return suffixes && { epoch: integer(epoch), release: release.split('.').map(integer), ...suffixes }
}

/** Whether the text is a version without white space around it. */
export function isVersion(text: string): boolean {
  // Nearly all versions are plain, which takes a tenth of the time to tell.
  if (text.length <= maxVersionLength && plainRelease.test(text)) return true
  return text === text.trim() && parseVersion(text) !== undefined
}

/** The normal form (PEP 440, "Normalization"), trailing zeros kept; `undefined` for what is not a version. */
export function normalizeVersion(text: string): string | undefined {
  const version = parseVersion(text)
  return version && formatVersion(version, version.release)
}

/**
 * The same text for any two spellings of one release (`1.0`, `v1`, `1.0.0`), different texts for different releases. Other
 * text than versions is its own release, whatever the case. Total: never throws.
 */
export function releaseKey(text: string): string {
  const version = parseVersion(text)
  // Versions begin with a digit in this form: `~` keeps the two kinds apart.
  return version === undefined ? `~${text.toLowerCase()}` : formatVersion(version, significantRelease(version))
}

/** Whether the version has a pre-release or development part (PEP 440, "Handling of pre-releases"); `false` for other text. */
export function isPrerelease(text: string): boolean {
  const version = parseVersion(text)
  return version !== undefined && (version.pre !== undefined || version.dev !== undefined)
}

/**
 * A text that orders versions by plain `<` as PEP 440 does ("Summary of permitted suffixes and relative ordering"), whatever
 * the size of their numbers. What is not a version comes before every version, in the order of its lower-cased text. Equal
 * for one release in any spelling. Total: never throws.
 */
export function sortKey(text: string): string {
  const version = parseVersion(text)
  return version === undefined ? `0${text.toLowerCase()}` : `1${validKey(version)}`
}

/**
 * Negative when `a` comes before `b` in the order of PEP 440, positive after it, 0 when they are one release. What is not a
 * version comes before all versions.
 */
export function compareVersions(a: string, b: string): number {
  const left = sortKey(a)
  const right = sortKey(b)
  if (left === right) return 0
  return left < right ? -1 : 1
}

type Suffixes = Pick<Version, 'pre' | 'post' | 'dev' | 'local'>

function parseSuffixes(text: string): Suffixes | undefined {
  const [preText = '', phase, preNumber = ''] = preRelease.exec(text) ?? []
  const afterPre = text.slice(preText.length)
  const [postText, implicitPost, postNumber = ''] = postRelease.exec(afterPre) ?? []
  const afterPost = afterPre.slice(postText?.length ?? 0)
  const [devText, devNumber = ''] = devRelease.exec(afterPost) ?? []
  const afterDev = afterPost.slice(devText?.length ?? 0)
  const [, local] = localVersion.exec(afterDev) ?? []
  if (afterDev !== '' && local === undefined) return undefined
  return {
    ...(phase !== undefined && { pre: { phase: preReleasePhase(phase), number: integer(preNumber) } }),
    ...(postText !== undefined && { post: integer(implicitPost ?? postNumber) }),
    ...(devText !== undefined && { dev: integer(devNumber) }),
    ...(local !== undefined && { local: local.toLowerCase().split(/[-_.]/).map(localSegment) }),
  }
}

function preReleasePhase(spelling: string): PreReleasePhase {
  const first = spelling.charAt(0).toLowerCase()
  // PEP 440, "Pre-release spelling": what is neither alpha nor beta is a candidate.
  return first === 'a' || first === 'b' ? first : 'rc'
}

/** An absent number counts as 0 (PEP 440, "Implicit pre-release number" and its siblings). */
function integer(digits: string): string {
  return digits.replace(/^0+/, '') || '0'
}

function localSegment(segment: string): string {
  return /^[0-9]+$/.test(segment) ? integer(segment) : segment
}

function formatVersion({ epoch, pre, post, dev, local }: Version, release: readonly string[]): string {
  return [
    epoch === '0' ? '' : `${epoch}!`,
    release.join('.') || '0',
    pre === undefined ? '' : pre.phase + pre.number,
    post === undefined ? '' : `.post${post}`,
    dev === undefined ? '' : `.dev${dev}`,
    local === undefined ? '' : `+${local.join('.')}`,
  ].join('')
}

/** The release numbers without trailing zeros, which do not count when versions are compared; empty for `0`. */
function significantRelease(version: Version): readonly string[] {
  return version.release.slice(0, version.release.findLastIndex((number) => number !== '0') + 1)
}

function validKey(version: Version): string {
  const release = significantRelease(version).map(numberKey).join('')
  return (
    numberKey(version.epoch) + release + end + preKey(version) + postKey(version) + devKey(version) + localKey(version)
  )
}

/** Of two numbers without leading zeros the one with more digits is greater: the length goes first. */
function numberKey(digits: string): string {
  return digits.length.toString(36).padStart(lengthWidth, '0') + digits
}

function preKey({ pre, post, dev }: Version): string {
  // A development release of a final one comes before its alphas.
  if (pre === undefined) return post === undefined && dev !== undefined ? '0' : '4'
  return { a: '1', b: '2', rc: '3' }[pre.phase] + numberKey(pre.number)
}

function postKey({ post }: Version): string {
  return post === undefined ? '0' : `1${numberKey(post)}`
}

function devKey({ dev }: Version): string {
  return dev === undefined ? '1' : `0${numberKey(dev)}`
}

function localKey({ local = [] }: Version): string {
  // PEP 440, "Local version identifiers": numbers come after words, and a longer version after its beginning.
  return local.map((segment) => (/^[0-9]+$/.test(segment) ? `2${numberKey(segment)}` : `1${segment}${end}`)).join('')
}
