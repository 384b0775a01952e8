/** A version taken apart (PEP 440, Appendix B); numbers are digit strings without leading zeros, since they are unbounded. */
export interface Version {
  readonly epoch: string
  readonly release: readonly string[]
  readonly pre?: { readonly letter: 'a' | 'b' | 'rc'; readonly number: string }
  readonly post?: string
  readonly dev?: string
  readonly local?: readonly string[]
}

const maxLength = 256

// ASCII digits only, and no `$` before a trailing newline: both differ from naive copies of the pattern in PEP 440.
const pattern = new RegExp(
  '^v?(?:(?<epoch>[0-9]+)!)?(?<release>[0-9]+(?:\\.[0-9]+)*)' +
    '(?:[-_.]?(?<preLetter>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?<preNumber>[0-9]+)?)?' +
    '(?<post>-(?<postImplicit>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?<postNumber>[0-9]+)?)?' +
    '(?<dev>[-_.]?dev[-_.]?(?<devNumber>[0-9]+)?)?' +
    '(?:\\+(?<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?$',
)

const preLetters: Readonly<Record<string, 'a' | 'b' | 'rc'>> = {
  a: 'a',
  alpha: 'a',
  b: 'b',
  beta: 'b',
  c: 'rc',
  rc: 'rc',
  pre: 'rc',
  preview: 'rc',
}

/** The parts of a version; `undefined` for text that is none (PEP 440) or longer than 256 characters. */
export function parseVersion(text: string): Version | undefined {
  if (text.length > maxLength) return undefined
  const found = pattern.exec(text.trim().toLowerCase())?.groups
  if (found === undefined) return undefined
  const {
    epoch = '0',
    release = '',
    preLetter,
    preNumber,
    post,
    postImplicit,
    postNumber,
    dev,
    devNumber,
    local,
  } = found
  const letter = preLetters[preLetter ?? '']
  return {
    epoch: integer(epoch),
    release: release.split('.').map(integer),
    ...(letter !== undefined && { pre: { letter, number: integer(preNumber) } }),
    ...(post !== undefined && { post: integer(postImplicit ?? postNumber) }),
    ...(dev !== undefined && { dev: integer(devNumber) }),
    ...(local !== undefined && { local: local.split(/[-_.]/).map((part) => (isNumber(part) ? integer(part) : part)) }),
  }
}

/** The normal form (PEP 440, "Normalization"), trailing zeros kept; `undefined` for text that is no version. */
export function normalizeVersion(text: string): string | undefined {
  const version = parseVersion(text)
  return version && format(version, version.release)
}

/** Equal for every spelling of one release, local part included; other text is compared without regard to case. */
export function releaseKey(text: string): string {
  const version = parseVersion(text)
  // No normal form contains a colon.
  return version === undefined ? `:${text.trim().toLowerCase()}` : format(version, significant(version.release))
}

/** A string whose code-unit order is the order of versions (PEP 440); text that is no version comes first, by its letters. */
export function sortKey(text: string): string {
  const version = parseVersion(text)
  if (version === undefined) return `0${text}`
  const { epoch, release, pre, post, dev, local } = version
  return [
    `1${numberKey(epoch)}`,
    ...significant(release).map((part) => `1${numberKey(part)}`),
    `0${preKey(version, pre)}`,
    post === undefined ? '0' : `1${numberKey(post)}`,
    dev === undefined ? '1' : `0${numberKey(dev)}`,
    local === undefined ? '0' : `1${local.map(localKey).join('')}0`,
  ].join('')
}

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`. */
export function compareVersions(a: string, b: string): number {
  const [keyA, keyB] = [sortKey(a), sortKey(b)]
  return keyA < keyB ? -1 : Number(keyA > keyB)
}

/** Whether the version is a pre-release or a development release (PEP 440, "Handling of pre-releases"). */
export function isPrerelease(text: string): boolean {
  const version = parseVersion(text)
  return version?.pre !== undefined || version?.dev !== undefined
}

function format({ epoch, pre, post, dev, local }: Version, release: readonly string[]): string {
  return [
    epoch === '0' ? '' : `${epoch}!`,
    release.join('.'),
    pre === undefined ? '' : pre.letter + pre.number,
    post === undefined ? '' : `.post${post}`,
    dev === undefined ? '' : `.dev${dev}`,
    local === undefined ? '' : `+${local.join('.')}`,
  ].join('')
}

/** `1.0` and `1` are the same release: trailing zeros do not count. */
function significant(release: readonly string[]): readonly string[] {
  const last = release.findLastIndex((part) => part !== '0')
  return release.slice(0, Math.max(last + 1, 1))
}

/** A development release of nothing else comes before every pre-release; no pre-release at all comes after. */
function preKey({ post, dev }: Version, pre: Version['pre']): string {
  if (pre !== undefined) return `${{ a: 1, b: 2, rc: 3 }[pre.letter]}${numberKey(pre.number)}`
  return post === undefined && dev !== undefined ? '0' : '4'
}

/** Numbers come after words; a shorter list comes before a longer one that begins with it. */
function localKey(part: string): string {
  return isNumber(part) ? `2${numberKey(part)}` : `1${part} `
}

/** Longer numbers are larger: their length comes first. */
function numberKey(digits: string): string {
  return String(digits.length).padStart(3, '0') + digits
}

function integer(digits = '0'): string {
  return digits.replace(/^0+(?=.)/, '')
}

function isNumber(text: string): boolean {
  return /^[0-9]+$/.test(text)
}
