import type { Candidate, DistributionFile } from '../backend.js'

/** What a backend decides about the record of an upload; all optional. */
export interface DescribeOptions {
  /** Where `packages/` serves it; without `Backend.findFile` the last segment has to be the file's name. @default `<project>/<filename>` */
  readonly path?: string
  /** Milliseconds since the epoch. @default now */
  readonly uploadTimeMs?: number
}

/** The record of an upload, as a backend that stores all of its parts lists it from then on. */
export function describeCandidate(
  { project, filename, version, size, hashes, requiresPython, metadata, signature, provenance }: Candidate,
  { path = `${project}/${filename}`, uploadTimeMs = Date.now() }: DescribeOptions = {},
): DistributionFile {
  return {
    project,
    filename,
    path,
    version,
    size,
    hashes,
    ...(requiresPython !== undefined && { requiresPython }),
    ...(metadata && { coreMetadata: { sha256: metadata.sha256 } }),
    ...(signature && { hasSignature: true }),
    ...(provenance && { provenance: provenance.verification }),
    uploadTimeMs,
  }
}
