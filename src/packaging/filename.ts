import { PypiServerError } from '../errors.js'
import { hasControlCharacters } from '../util/control-characters.js'
import { isProjectName, type NormalizedName, normalizeName } from './name.js'
import { parseVersion } from './version.js'

declare const brand: unique symbol

/** A base name that {@link parseFilename} accepts. Branded: holding one proves that it was checked. */
export type DistributionFilename = string & { readonly [brand]: 'DistributionFilename' }

/** What the name of a distribution file says. */
export interface ParsedFilename {
  readonly filename: DistributionFilename
  /** As the file name spells it. */
  readonly project: string
  readonly name: NormalizedName
  /** As the file name spells it; empty when it has none. */
  readonly version: string
  readonly kind: 'wheel' | 'sdist' | 'egg' | 'installer'
  /** Of a wheel: orders builds of one version, is no part of it (PEP 427). */
  readonly build?: string
  /** Of a wheel, such as `py3` or `cp312`. */
  readonly pythonTag?: string
}

type Parts = Omit<ParsedFilename, 'filename' | 'name'>

const maxBytes = 255
const maxUploadBytes = 200
const sdistExtension = /\.(?:tar\.gz|tgz|tar\.bz2|tar\.xz|zip)$/i
const eggExtension = /(?:-py\d+(?:\.\d+)?(?:-[^/]*)?)?\.egg$/i
const installerExtension = /\.(?:win32|win-amd64|win-arm64)-py\d+\.\d+\.(?:exe|msi)$/i
const platform = /[.-](?:cp\d|py\d|macosx|linux|sunos|solaris|irix|aix|cygwin|win)/i
const uploadPattern = /^[A-Za-z0-9][A-Za-z0-9._+!-]*$/

/**
 * Project and version out of a file's base name: wheels by PEP 427, the rest by PEP 625 where it applies and otherwise as
 * pypiserver reads legacy names. `undefined` for what is no distribution file: other endings, signatures, hidden names.
 */
export function parseFilename(filename: string): ParsedFilename | undefined {
  if (!isPlainName(filename)) return undefined
  const parts = filename.endsWith('.whl') ? parseWheel(filename) : parseArchive(filename)
  if (parts === undefined || parts.project === '') return undefined
  return { filename: filename as DistributionFilename, name: normalizeName(parts.project), ...parts }
}

/** The file that a signature of this name belongs to; `undefined` for names of anything else. */
export function signatureTarget(filename: string): string | undefined {
  return filename.endsWith('.asc') ? filename.slice(0, -'.asc'.length) : undefined
}

/**
 * As {@link parseFilename}, for names that come from outside: only plain ASCII, a version, at most 200 bytes, so that
 * there is room for `.metadata`, and for wheels nothing but PEP 427.
 * @throws ERR_PYPI_UPLOAD_REFUSED
 */
export function checkUploadFilename(filename: string): ParsedFilename {
  if (!uploadPattern.test(filename) || filename.includes('..')) {
    throw badFilename(filename, 'only letters, digits and . _ + ! - are possible, beginning with a letter or digit')
  }
  if (filename.length > maxUploadBytes) throw badFilename(filename, `longer than ${maxUploadBytes} bytes`)
  const parsed = parseFilename(filename)
  if (parsed === undefined) throw badFilename(filename, 'no wheel, sdist or other distribution file')
  if (parsed.version === '') throw badFilename(filename, 'no version in it')
  if (!isProjectName(parsed.project)) throw badFilename(filename, `${parsed.project} is no project name`)
  if (parsed.kind === 'wheel' && parseStrictWheel(filename.slice(0, -'.whl'.length).split('-')) === undefined) {
    throw badFilename(filename, 'a wheel is named project-version[-build]-python-abi-platform.whl')
  }
  return parsed
}

function badFilename(filename: string, reason: string): PypiServerError {
  // Scripts look for the first two words, as pypiserver writes them.
  return new PypiServerError('ERR_PYPI_UPLOAD_REFUSED', `Bad filename: ${filename} (${reason})`)
}

function isPlainName(filename: string): boolean {
  const isTooLong = new TextEncoder().encode(filename).length > maxBytes
  return !isTooLong && !filename.startsWith('.') && !/[/\\]/.test(filename) && !hasControlCharacters(filename)
}

function parseWheel(filename: string): Parts | undefined {
  const segments = filename.slice(0, -'.whl'.length).split('-')
  return parseStrictWheel(segments) ?? parseLegacyWheel(segments)
}

/** PEP 427, "File name convention". */
function parseStrictWheel(segments: readonly string[]): Parts | undefined {
  if (segments.length !== 5 && segments.length !== 6) return undefined
  const [project = '', version = ''] = segments
  const build = segments.length === 6 ? segments[2] : undefined
  const tags = segments.slice(-3)
  if (parseVersion(version) === undefined || tags.includes('')) return undefined
  if (build !== undefined && !/^\d/.test(build)) return undefined
  return { project, version, kind: 'wheel', pythonTag: tags[0] ?? '', ...(build !== undefined && { build }) }
}

/** Names of old tools, with dashes where there should be none: the rightmost version counts, else the first number. */
function parseLegacyWheel(segments: readonly string[]): Parts | undefined {
  const named = segments.slice(0, -3)
  const tags = segments.slice(-3)
  if (named.length < 2 || tags.includes('')) return undefined
  const isNumbered = (segment: string, index: number): boolean => index > 0 && /^\d/.test(segment)
  const valid = named.findLastIndex(
    (segment, index) => isNumbered(segment, index) && parseVersion(segment) !== undefined,
  )
  const at = valid > 0 ? valid : named.findIndex(isNumbered)
  if (at < 1) return undefined
  const version = valid > 0 ? (named[at] ?? '') : named.slice(at).join('-')
  return { project: named.slice(0, at).join('-'), version, kind: 'wheel', pythonTag: tags[0] ?? '' }
}

function parseArchive(filename: string): Parts | undefined {
  for (const [extension, kind] of [
    [installerExtension, 'installer'],
    [eggExtension, 'egg'],
    [sdistExtension, 'sdist'],
  ] as const) {
    const found = extension.exec(filename)
    if (found !== null) return { ...splitStem(filename.slice(0, found.index)), kind }
  }
  return undefined
}

interface Split {
  readonly project: string
  readonly version: string
}

function splitStem(stem: string): Split {
  const dashes = [...stem.matchAll(/-/g)].map(({ index }) => index)
  const [firstDash] = dashes
  if (firstDash === undefined) return { project: stem, version: '' }
  if (dashes.length === 1) return splitAt(stem, firstDash)
  if (!stem.includes('.')) return splitAt(stem, dashes.at(-1) ?? firstDash)
  const splits = dashes.filter((at) => startsVersion(stem, at)).map((at) => splitAt(stem, at))
  // A part of a name may begin with a digit, as in django-2fa-1.0: what follows it must then be a version.
  return splits.find(({ version }) => beginsWithVersion(version)) ?? splits[0] ?? { project: stem, version: '' }
}

/** A number and something more; a number alone is taken for a part of the name. */
function startsVersion(stem: string, dash: number): boolean {
  let at = dash + 1
  while (isDigit(stem[at])) at += 1
  return at > dash + 1 && /[A-Za-z_.!+]/.test(stem[at] ?? '')
}

function beginsWithVersion(version: string): boolean {
  return parseVersion(version) !== undefined || parseVersion(version.split('-', 1)[0] ?? '') !== undefined
}

function splitAt(stem: string, dash: number): Split {
  const rest = stem.slice(dash + 1)
  const isNumbered = startsVersion(stem, dash) && stem.indexOf('-') !== stem.lastIndexOf('-')
  const end = isNumbered ? (platform.exec(rest)?.index ?? rest.length) : rest.length
  return { project: stem.slice(0, dash), version: rest.slice(0, end) }
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9'
}
