import {
  compareVersions,
  isPrerelease,
  type NormalizedName,
  normalizeVersion,
  PypiServerError,
  parseFilename,
  releaseKey,
} from '../index.js'

/** What the page of a project says about its releases (PEP 691, PEP 700). */
export interface ProjectPage {
  /** Absent before version 1.1 of the API. */
  readonly versions?: readonly string[]
  readonly files: readonly PageFile[]
}

/** A file on the page of a project. */
export interface PageFile {
  readonly filename: string
  readonly isYanked: boolean
}

/** What a release has to be newer than. */
export interface KnownRelease {
  readonly name: NormalizedName
  readonly version: string
}

/** Which releases count. */
export type Stability = 'stable' | 'unstable'

/**
 * Reads the JSON page of a project.
 * @throws ERR_PYPI_STORE_UNAVAILABLE for text that is no such page
 */
export function parseProjectPage(text: string): ProjectPage {
  const page = parseJson(text)
  const { files, versions, meta } = (typeof page === 'object' && page !== null ? page : {}) as Record<string, unknown>
  const apiVersion = String((meta as { 'api-version'?: unknown } | undefined)?.['api-version'] ?? '1')
  // PEP 629: a client stops at a major version that it does not know.
  if (!/^1(?:\.|$)/.test(apiVersion)) throw unusable('the index speaks an unknown version of the simple API')
  if (!Array.isArray(files)) throw unusable('the answer is JSON, but no page of a project')
  const listed = Array.isArray(versions) ? { versions: versions.filter((version) => typeof version === 'string') } : {}
  return { ...listed, files: files.flatMap(pageFile) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw unusable('the answer is not JSON', { cause: error })
  }
}

function pageFile(entry: { readonly filename?: unknown; readonly yanked?: unknown } | null): readonly PageFile[] {
  const { filename, yanked = false } = entry ?? {}
  return typeof filename === 'string' ? [{ filename, isYanked: yanked !== false && yanked !== null }] : []
}

/** Every version on the page, newest or not, yanked or not. */
export function releasesOf(page: ProjectPage, name: NormalizedName): readonly string[] {
  return page.versions ?? page.files.flatMap((file) => versionOf(file, name))
}

/** The newest release after the known one, in its normal form; `undefined` when there is none that pip would take. */
export function newerRelease(page: ProjectPage, known: KnownRelease, stability: Stability): string | undefined {
  const kept = page.files.filter((file) => !file.isYanked).flatMap((file) => versionOf(file, known.name))
  const available = new Set(kept.map(releaseKey))
  return releasesOf(page, known.name)
    .flatMap((version) => normalizeVersion(version) ?? [])
    .filter((version) => available.has(releaseKey(version)) && compareVersions(version, known.version) > 0)
    .filter((version) => stability === 'unstable' || !isPrerelease(version))
    .reduce<string | undefined>(newest, undefined)
}

function newest(best: string | undefined, version: string): string {
  return best === undefined || compareVersions(version, best) > 0 ? version : best
}

function versionOf({ filename }: PageFile, name: NormalizedName): readonly string[] {
  const parsed = parseFilename(filename)
  return parsed?.name === name ? [parsed.version] : []
}

function unusable(message: string, options?: ErrorOptions): PypiServerError {
  return new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', message, options)
}
