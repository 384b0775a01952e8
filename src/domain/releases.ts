import { setImmediate } from 'node:timers/promises'
import type { DistributionFile, NormalizedName, ReadOptions, Yank } from '../backend.js'
import { isPrerelease, normalizeVersion, parseVersion, releaseKey } from '../packaging/version.js'
import type { ProjectIndex } from './project-index.js'

/** The files of one version of a project, whatever way their names spell it. */
export interface Release {
  readonly project: NormalizedName
  /** In normal form (PEP 440), trailing zeros as in its first file's name; other text than versions as it stands. */
  readonly version: string
  /** At least one. */
  readonly files: readonly DistributionFile[]
  /** The earliest upload, in milliseconds since the epoch. */
  readonly publishedMs: number
  /** Present when every file is yanked (PEP 592); with the first reason that one of them gives. */
  readonly yanked?: Yank
}

/** The releases of one project in the order of its files. A file whose name carries no version belongs to none. */
export function releasesOf(files: readonly DistributionFile[]): readonly Release[] {
  const byKey = new Map<string, DistributionFile[]>()
  for (const file of files) {
    if (file.version === '') continue
    const key = releaseKey(file.version)
    const known = byKey.get(key)
    if (known === undefined) byKey.set(key, [file])
    else known.push(file)
  }
  return [...byKey.values()].flatMap((group) => releaseOf(group))
}

/** The release of this version in any spelling (PEP 440: `1.0`, `v1`, `1.0.0`). */
export function findRelease(releases: readonly Release[], version: string): Release | undefined {
  const key = releaseKey(version)
  return releases.find((release) => releaseKey(release.version) === key)
}

/**
 * What PyPI calls the latest: the highest final release, else the highest pre-release, both not yanked, else the highest
 * yanked one. Other text than versions comes after all pre-releases. `undefined` only for an empty list.
 *
 * @param releases from the oldest version to the newest
 */
export function latestRelease(releases: readonly Release[]): Release | undefined {
  const offered = releases.filter(({ yanked }) => yanked === undefined)
  const versions = offered.filter(({ version }) => parseVersion(version) !== undefined)
  return (
    versions.findLast(({ version }) => !isPrerelease(version)) ?? versions.at(-1) ?? offered.at(-1) ?? releases.at(-1)
  )
}

/** The releases that were published last, the newest first, at most `limit`; of one instant, in the order given. */
export function newestFirst(releases: readonly Release[], limit: number): readonly Release[] {
  return releases.toSorted((a, b) => b.publishedMs - a.publishedMs).slice(0, limit)
}

/** What of each project's releases {@link newestOfIndex} looks at. */
export type Candidates = (releases: readonly Release[]) => readonly Release[]

/**
 * Of what `candidates` picks from each project's releases, the newest of the whole index, as {@link newestFirst}. Reads
 * every project, holding no more than one of them and `limit` releases; other work gets its turn after each.
 * @throws the signal's reason
 */
export async function newestOfIndex(
  index: ProjectIndex,
  candidates: Candidates,
  options: ReadOptions & { readonly limit: number },
): Promise<readonly Release[]> {
  const { limit, signal } = options
  let newest: readonly Release[] = []
  for await (const files of index.files()) {
    newest = newestFirst([...newest, ...candidates(releasesOf(files))], limit)
    await setImmediate()
    signal?.throwIfAborted()
  }
  return newest
}

/** The release with which a project came into being. */
export function firstPublished(releases: readonly Release[]): readonly Release[] {
  return releases.length === 0 ? [] : [releases.reduce((a, b) => (b.publishedMs < a.publishedMs ? b : a))]
}

function releaseOf(files: readonly DistributionFile[]): readonly Release[] {
  const [first] = files
  if (first === undefined) return []
  const isYanked = files.every(({ yanked }) => yanked !== undefined)
  const reason = files.find(({ yanked }) => yanked?.reason)?.yanked?.reason
  return [
    {
      project: first.project,
      version: normalizeVersion(first.version) ?? first.version,
      files,
      publishedMs: files.reduce((earliest, { uploadTimeMs }) => Math.min(earliest, uploadTimeMs), Infinity),
      ...(isYanked && { yanked: reason === undefined ? {} : { reason } }),
    },
  ]
}
