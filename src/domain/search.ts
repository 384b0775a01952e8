import pLimit from 'p-limit'
import type { DistributionFile, NormalizedName, Project } from '../backend.js'
import { parseFilename } from '../packaging/filename.js'
import { normalizeName } from '../packaging/name.js'
import { isPrerelease, parseVersion } from '../packaging/version.js'
import type { ProjectIndex } from './project-index.js'

/** What to look for: projects that match any term of each list (`and`) or any term at all (`or`). */
export interface SearchQuery {
  readonly name: readonly string[]
  /** Matched against the name as long as backends know no summaries. */
  readonly summary: readonly string[]
  readonly operator: 'and' | 'or'
}

/** A project that was found. */
export interface SearchHit {
  /** As its newest file spells it. */
  readonly name: string
  /** The newest one, pre-releases only when there is nothing else; empty when no file carries one. */
  readonly version: string
  /** The version again, as pypiserver has it. */
  readonly summary: string
}

/** The part of the index that a search reads. */
export type SearchedIndex = Pick<ProjectIndex, 'names' | 'project'>

export interface SearchOptions {
  /** Most hits that are returned; further ones are left out. @default 1000 */
  readonly maxHits?: number
}

const maxConcurrentReads = 16

/**
 * The projects whose names hold the terms, in any case and any spelling (PEP 503): those that are called just like a
 * term first, then in code-point order. Only the projects that are found are read. Empty terms are passed over; without
 * any term nothing is found.
 */
export async function searchProjects(
  index: SearchedIndex,
  query: SearchQuery,
  options: SearchOptions = {},
): Promise<readonly SearchHit[]> {
  const { maxHits = 1000 } = options
  const groups = termGroups(query)
  if (groups.length === 0) return []
  const names = (await index.names()).filter((name) =>
    groups.every((terms) => terms.some((term) => name.includes(term))),
  )
  const wanted = exactFirst(names, groups.flat()).slice(0, maxHits)
  const projects = await pLimit(maxConcurrentReads).map(wanted, (name) => index.project(name))
  // A project may have gone since it was listed.
  return projects.flatMap((project) => (project === undefined ? [] : hitOf(project)))
}

/** Every spelling of a part of a name becomes a part of the normalized name, so that is all that needs comparing. */
function termGroups({ name, summary, operator }: SearchQuery): readonly (readonly string[])[] {
  const groups = operator === 'or' ? [[...name, ...summary]] : [name, summary]
  return groups
    .map((terms) => [...new Set(terms.map((term) => normalizeName(term.trim())))].filter((term) => term !== ''))
    .filter((terms) => terms.length > 0)
}

function exactFirst(names: readonly NormalizedName[], terms: readonly string[]): readonly NormalizedName[] {
  const exact = new Set(terms)
  return [...names.filter((name) => exact.has(name)), ...names.filter((name) => !exact.has(name))]
}

function hitOf({ name, files }: Project): readonly SearchHit[] {
  const file = newest(files)
  if (file === undefined) return []
  const { version } = file
  return [{ name: parseFilename(file.filename)?.project ?? name, version, summary: version }]
}

/** Files come from the oldest to the newest; one that was withdrawn counts only where all were (PEP 592). */
function newest(files: readonly DistributionFile[]): DistributionFile | undefined {
  const offered = files.filter(({ yanked }) => yanked === undefined)
  const candidates = offered.length > 0 ? offered : files
  return candidates.findLast(({ version }) => isFinal(version)) ?? candidates.at(-1)
}

function isFinal(version: string): boolean {
  return parseVersion(version) !== undefined && !isPrerelease(version)
}
