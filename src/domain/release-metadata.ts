import { LRUCache } from 'lru-cache'
import type { Backend, DistributionFile, Project, ReadOptions } from '../backend.js'
import { type CoreMetadata, parseCoreMetadata } from '../packaging/core-metadata.js'
import { openedBytes } from './opened-bytes.js'
import type { Release } from './releases.js'

/**
 * Core metadata of a release: of its newest wheel that has some, else of the newest other file that has some.
 * `undefined` when no file has any that can be read here: none over 8 MiB, none that only another server holds.
 */
export type ReadReleaseMetadata = (
  backend: Backend,
  project: Project,
  release: Release,
  options?: ReadOptions,
) => Promise<CoreMetadata | undefined>

const maxMetadataBytes = 8 * 1024 * 1024
const maxEntries = 500
const maxCachedBytes = 16 * 1024 * 1024

/**
 * A reader that opens one file's metadata and remembers it by project, revision and version: the 500 releases used last,
 * of at most 16 MiB in all. That there is none is not remembered, because a file may become readable without a change.
 */
export function createReleaseMetadataReader(): ReadReleaseMetadata {
  const known = new LRUCache<string, CoreMetadata>({ max: maxEntries, maxSize: maxCachedBytes })
  return async (backend, project, release, options = {}) => {
    const key = JSON.stringify([project.name, project.revision, release.version])
    const remembered = known.get(key)
    if (remembered !== undefined) return remembered
    const bytes = await firstMetadata(backend, release, options)
    if (bytes === undefined) return undefined
    const metadata = parseCoreMetadata(bytes)
    known.set(key, metadata, { size: Math.max(bytes.length, 1) })
    return metadata
  }
}

async function firstMetadata(
  backend: Backend,
  release: Release,
  options: ReadOptions,
): Promise<Uint8Array | undefined> {
  for (const file of inOrderOfPreference(release.files)) {
    const opened = await backend.openFile(file, { ...options, part: 'metadata' })
    const bytes = opened && (await openedBytes(opened, maxMetadataBytes))
    if (bytes !== undefined) return bytes
  }
  return undefined
}

/** A wheel that promises no metadata has none (PEP 658); other files may have some that is not promised to installers. */
function inOrderOfPreference(files: readonly DistributionFile[]): readonly DistributionFile[] {
  const newest = files.toSorted((a, b) => b.uploadTimeMs - a.uploadTimeMs)
  const wheels = newest.filter((file) => isWheel(file) && file.coreMetadata !== undefined)
  return [...wheels, ...newest.filter((file) => !isWheel(file))]
}

function isWheel({ filename }: DistributionFile): boolean {
  return filename.endsWith('.whl')
}
