import type { DistributionFile, NormalizedName, Project } from '#src/backend.js'
import { type DistributionFilename, parseFilename } from '#src/packaging/filename.js'
import { normalizeName } from '#src/packaging/name.js'

/** Where a project's page stands. */
export const fromProjectPage = { toRoot: '../../' } as const

/** A file of 7 bytes from the first second of 2024 whose path is its name. */
export function distributionFile(filename: string, rest: Partial<DistributionFile> = {}): DistributionFile {
  const parsed = parseFilename(filename)
  return {
    project: parsed?.name ?? normalizeName('demo'),
    filename: filename as DistributionFilename,
    path: filename,
    version: parsed?.version ?? '',
    size: 7,
    hashes: { sha256: 'aa' },
    uploadTimeMs: Date.UTC(2024, 0),
    ...rest,
  }
}

/** A project with these files and nothing else. */
export function project(files: readonly DistributionFile[], rest: Partial<Project> = {}): Project {
  return { name: 'demo' as NormalizedName, revision: 'r1', files, ...rest }
}
