import { PypiServerError } from '../errors.js'
import { splitProjectAndVersion } from './legacy-filename.js'
import { isProjectName, type NormalizedName, normalizeName } from './name.js'
import { normalizeVersion } from './version.js'
import { splitLegacyWheel, splitWheel } from './wheel-filename.js'

declare const brand: unique symbol

/** A base name that {@link parseFilename} accepts. Branded: holding one proves that it was checked. */
export type DistributionFilename = string & { readonly [brand]: 'DistributionFilename' }

/** What the name of a distribution file says. */
export interface ParsedFilename {
  /** The name itself, checked. */
  readonly filename: DistributionFilename
  /** As the name spells it. */
  readonly project: string
  /** Project, normalized. */
  readonly name: NormalizedName
  /** As the name spells it, which need not be PEP 440's; empty when it has none. */
  readonly version: string
  /** `other`: an archive built for one platform, such as `demo-1.0.linux-x86_64.tar.gz`. */
  readonly kind: 'wheel' | 'sdist' | 'egg' | 'installer' | 'other'
  /** A wheel's build tag. */
  readonly build?: string
  /** `py3` or `cp312.cp313` of a wheel, `py2.7` of an egg or installer. */
  readonly pythonTag?: string
}

/** Longest name of a file that is listed, in bytes: leaves room in 255 for what stands beside it. */
export const maxFilenameBytes = 240

/** Longest name of a file that may be uploaded, in bytes. */
export const maxUploadFilenameBytes = 200

const wheelSuffix = '.whl'
// Lone surrogates cannot be written in a URL.
const forbidden = /[\p{Cc}\p{Cs}/\\]/u
/** ASCII without blanks, slashes and control characters: a byte each, and none forbidden. */
const plainName = /^[!-.0-[\]-~]+$/
const archiveExtension = /\.(?:tar\.gz|tgz|tar\.bz2|tar\.xz|zip)$/i
const eggStem = /^(.+)-(py[0-9]\.[0-9]+)(?:-.+)?$/is
const installerName = /^(.+)\.(?:win32|win-amd64|win-arm64)-(py[23]\.[0-9]+)\.(?:exe|msi)$/is
const uploadName = /^[A-Za-z0-9][A-Za-z0-9._+!-]*$/

/**
 * Reads the name of a file found in a directory: wheels by PEP 427, sdists by PEP 625, and older names as leniently as
 * pypiserver. `undefined` when it is no distribution file: another extension, a hidden file, a signature, a name of no
 * project, with control characters or slashes, or longer than 240 bytes.
 */
export function parseFilename(filename: string): ParsedFilename | undefined {
  if (!isListable(filename)) return undefined
  const parts = parseParts(filename)
  const name = normalizeName(parts?.project ?? '')
  // Nothing but separators names no project.
  if (parts === undefined || name === '' || name === '-') return undefined
  return { filename: filename as DistributionFilename, name, ...parts }
}

/**
 * Reads the name of a file to be uploaded, by stricter rules: ASCII letters, digits and `._+!-` after a letter or digit, no
 * `..`, at most {@link maxUploadFilenameBytes}, a version, and for wheels the form of PEP 427.
 * @throws `ERR_PYPI_UPLOAD_REFUSED`
 */
export function checkUploadFilename(filename: string): ParsedFilename {
  if (filename.length > maxUploadFilenameBytes) throw badFilename(filename, `over ${maxUploadFilenameBytes} bytes`)
  if (!uploadName.test(filename)) throw badFilename(filename, 'only letters, digits and ._+!- after a letter or digit')
  if (filename.includes('..')) throw badFilename(filename, 'two dots in a row')
  const parsed = parseFilename(filename)
  if (parsed === undefined) throw badFilename(filename, 'not a distribution file')
  if (parsed.version === '') throw badFilename(filename, 'no version')
  if (!isProjectName(parsed.project)) throw badFilename(filename, `${parsed.project} is no project name`)
  if (parsed.kind === 'wheel' && splitWheel(wheelStem(filename)) === undefined)
    throw badFilename(filename, 'not of the form name-version(-build)-python-abi-platform.whl')
  return parsed
}

/**
 * How a wheel or sdist would be called by the rules (PEP 427, PEP 625): name and version normalized, sdists as `.tar.gz`
 * unless they are a `.zip`. The name itself for other kinds, and where the version is none.
 */
export function normalFilename({ filename, name, version, kind }: ParsedFilename): string {
  const stem = `${name.replaceAll('-', '_')}-${normalizeVersion(version) ?? version}`
  switch (kind) {
    case 'wheel':
      return `${stem}-${wheelStem(filename).split('-').slice(2).join('-')}${wheelSuffix}`
    case 'sdist':
      return `${stem}${filename.endsWith('.zip') ? '.zip' : '.tar.gz'}`
    default:
      return filename
  }
}

function isListable(filename: string): boolean {
  if (filename.startsWith('.') || filename.length > maxFilenameBytes) return false
  // Nearly all names are plain, which takes a tenth of the time to tell.
  if (plainName.test(filename)) return true
  return !forbidden.test(filename) && new TextEncoder().encode(filename).length <= maxFilenameBytes
}

type Parts = Omit<ParsedFilename, 'filename' | 'name'>

function parseParts(filename: string): Parts | undefined {
  if (filename.endsWith(wheelSuffix)) return wheelParts(wheelStem(filename))
  if (archiveExtension.test(filename)) return archiveParts(filename.replace(archiveExtension, ''))
  if (/\.egg$/i.test(filename)) return eggParts(filename.slice(0, -'.egg'.length))
  return installerParts(filename)
}

function wheelStem(filename: string): string {
  return filename.slice(0, -wheelSuffix.length)
}

function wheelParts(stem: string): Parts | undefined {
  const parts = splitWheel(stem) ?? splitLegacyWheel(stem)
  return parts && { ...parts, kind: 'wheel' }
}

function archiveParts(stem: string): Parts {
  const { project, version, isBuilt } = splitProjectAndVersion(stem)
  return { project, version, kind: isBuilt ? 'other' : 'sdist' }
}

function eggParts(stem: string): Parts {
  const [, named = stem, pythonTag] = eggStem.exec(stem) ?? []
  const { project, version } = splitProjectAndVersion(named)
  return { project, version, kind: 'egg', ...(pythonTag !== undefined && { pythonTag }) }
}

function installerParts(filename: string): Parts | undefined {
  const [, stem, pythonTag] = installerName.exec(filename) ?? []
  if (stem === undefined || pythonTag === undefined) return undefined
  const { project, version } = splitProjectAndVersion(stem)
  return { project, version, kind: 'installer', pythonTag }
}

function badFilename(filename: string, reason: string): PypiServerError {
  return new PypiServerError('ERR_PYPI_UPLOAD_REFUSED', `Bad filename: ${filename} (${reason})`)
}
