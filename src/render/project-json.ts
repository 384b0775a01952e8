import type { DistributionFile } from '../backend.js'
import type { Release } from '../domain/releases.js'
import { encodePathSegment } from '../http/links.js'
import type { CoreMetadata } from '../packaging/core-metadata.js'
import { type ParsedFilename, parseFilename } from '../packaging/filename.js'
import { normalizeName } from '../packaging/name.js'
import { fileUrl } from './file-links.js'
import { releaseInfo } from './release-info.js'

/** What PyPI's JSON API describes on one page. */
export interface ReleaseDescription {
  readonly release: Release
  /** Core metadata of the release, where there is some. */
  readonly metadata: CoreMetadata | undefined
  /** Every release of the project; absent on the page of one version. */
  readonly releases?: readonly Release[]
  /** Serial of the project's last change, where the backend keeps one. */
  readonly serial?: number | undefined
}

/**
 * `/pypi/<project>/json` and `/pypi/<project>/<version>/json` as PyPI writes them. Digests are those that are known.
 *
 * @param baseUrl absolute, with a trailing slash: readers do not resolve relative addresses
 */
export function releaseJson({ release, metadata, releases, serial }: ReleaseDescription, baseUrl: string): string {
  return JSON.stringify({
    info: infoOf(release, metadata, baseUrl),
    last_serial: serial ?? 0,
    ownership: { roles: [], organization: null },
    ...(releases && { releases: Object.fromEntries(releases.map((each) => [each.version, urlsOf(each, baseUrl)])) }),
    urls: urlsOf(release, baseUrl),
    vulnerabilities: [],
  })
}

/** What PyPI's APIs say of the files of a release; `baseUrl` as for {@link releaseJson}. */
export function urlsOf({ files }: Release, baseUrl: string): readonly object[] {
  return files.map((file) => fileEntry(file, baseUrl))
}

/** The address of a project's page. */
export function projectUrl(project: string, baseUrl: string): string {
  return `${baseUrl}simple/${encodePathSegment(project)}/`
}

/** The project's name as the metadata spells it, as long as it is the name of this project. */
export function spelledName(project: string, metadata: CoreMetadata | undefined): string {
  const spelled = metadata?.name
  return spelled !== undefined && normalizeName(spelled) === project ? spelled : project
}

/** What PyPI's APIs say of a release itself; `baseUrl` as for {@link releaseJson}. */
export function infoOf(
  { project, version, yanked }: Release,
  metadata: CoreMetadata | undefined,
  baseUrl: string,
): object {
  // There is no other page about a project, nor one about a release.
  const page = projectUrl(project, baseUrl)
  return {
    name: spelledName(project, metadata),
    version,
    ...releaseInfo(metadata),
    bugtrack_url: null,
    docs_url: null,
    downloads: { last_day: -1, last_month: -1, last_week: -1 },
    package_url: page,
    project_url: page,
    release_url: page,
    ...yankEntry(yanked),
  }
}

function fileEntry(file: DistributionFile, baseUrl: string): object {
  const { sha256, md5, blake2b_256 } = file.hashes
  const uploaded = new Date(file.uploadTimeMs).toISOString()
  return {
    comment_text: '',
    'core-metadata': file.coreMetadata ?? false,
    digests: { ...(blake2b_256 && { blake2b_256 }), ...(md5 && { md5 }), ...(sha256 && { sha256 }) },
    downloads: -1,
    filename: file.filename,
    has_sig: file.hasSignature ?? false,
    ...(md5 && { md5_digest: md5 }),
    ...kindEntry(file),
    requires_python: file.requiresPython ?? null,
    size: file.size,
    upload_time: uploaded.replace(/\..*/, ''),
    // Six digits, as PyPI writes them: old Pythons parse no other number of them.
    upload_time_iso_8601: uploaded.replace('Z', '000Z'),
    url: fileUrl(file, { toRoot: baseUrl }),
    ...yankEntry(file.yanked),
  }
}

function yankEntry(yanked: DistributionFile['yanked']): object {
  return { yanked: yanked !== undefined, yanked_reason: yanked?.reason || null }
}

/** What distutils called the kinds of files, and the Python that a file is for. */
function kindEntry({ filename }: DistributionFile): object {
  const parsed = parseFilename(filename)
  return { packagetype: packageType(parsed, filename), python_version: pythonVersion(parsed) }
}

function packageType(parsed: ParsedFilename | undefined, filename: string): string {
  switch (parsed?.kind) {
    case 'wheel':
      return 'bdist_wheel'
    case 'egg':
      return 'bdist_egg'
    case 'installer':
      return /\.msi$/i.test(filename) ? 'bdist_msi' : 'bdist_wininst'
    case 'other':
      return 'bdist_dumb'
    default:
      return 'sdist'
  }
}

function pythonVersion(parsed: ParsedFilename | undefined): string {
  if (parsed === undefined || parsed.kind === 'sdist') return 'source'
  if (parsed.kind === 'wheel') return parsed.pythonTag ?? 'any'
  return parsed.pythonTag?.replace(/^py/i, '') ?? 'any'
}
