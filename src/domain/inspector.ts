import { ArchiveLimitError } from '../archive/archive-error.js'
import type { ArchiveLimits } from '../archive/archive-limits.js'
import type { InspectedArchive, Validation } from '../archive/inspection.js'
import type { InspectionRequest } from './inspect-file.js'
import { createInspectionQueue } from './inspection-queue.js'

export type { Validation }

/** How much an inspector may look into, and for how long. */
export interface InspectionLimits extends ArchiveLimits {
  /** Milliseconds that looking into one upload may take. */
  readonly maxInspectionMs: number
  /** Uploads that may wait for the one which is looked into. */
  readonly maxInspectionsWaiting: number
}

/** What an inspector was made for. */
export interface InspectorOptions {
  readonly validation: Validation
  readonly limits: InspectionLimits
  /** The thread's file, for hosts that bundle the library. @default `inspection-thread.js` beside this file */
  readonly threadUrl?: URL
}

/** Looks into uploads, away from the event loop unless they are tiny, within a budget of time and memory. */
export interface Inspector {
  readonly validation: Validation
  /**
   * What is in a closed file; `overrun` when that took too much time or memory to find out.
   *
   * @throws ERR_PYPI_BAD_ARCHIVE when the file is to be refused, ERR_PYPI_OVERLOADED when too many wait, ERR_PYPI_CLOSED
   * after or during `close`; errors of the file system and of starting threads keep their codes
   */
  readonly inspect: (
    file: Pick<InspectionRequest, 'path' | 'size' | 'bytes'>,
    parsed: InspectionRequest['parsed'],
  ) => Promise<InspectedArchive | 'overrun'>
  /** Ends the thread, even in the middle of a file. Idempotent. */
  readonly close: () => Promise<void>
}

/**
 * Bytes up to which a look into a file costs less than the way to the thread and back. Its limits keep it below a few
 * milliseconds at a time; what goes beyond them is left to the thread.
 */
export const tinyBytes = 64 * 1024
const tinyLimits = { maxArchiveMembers: 100, maxUnpackedBytes: 2 ** 20, maxMetadataBytes: 64 * 1024 }

/** An inspector whose thread starts with the first file that is not tiny. */
export function createInspector(options: InspectorOptions): Inspector {
  const { validation, threadUrl = new URL('./inspection-thread.js', import.meta.url) } = options
  const { maxInspectionMs, maxInspectionsWaiting } = options.limits
  const limits = archiveLimits(options.limits)
  const queue = createInspectionQueue({ maxInspectionMs, maxInspectionsWaiting, threadUrl })
  return {
    validation,
    inspect: async ({ path, size, bytes }, parsed) => {
      const request = { path, size, parsed, validation, limits }
      if (size > tinyBytes) return await queue.ask(request)
      // Only when an upload comes: the readers of archives are a fifth of what an import of the package would load.
      const { inspectFile } = await import('./inspect-file.js')
      const tiny = { ...request, ...(bytes && { bytes }), limits: lesserLimits(limits) }
      return await inspectFile(tiny).catch((error: unknown) => {
        if (error instanceof ArchiveLimitError) return queue.ask(request)
        throw error
      })
    },
    close: queue.close,
  }
}

/** These limits alone: what else is beside them need not be fit to be sent to a thread. */
function archiveLimits(limits: ArchiveLimits): ArchiveLimits {
  const { maxArchiveMembers, maxArchiveRatio, maxUnpackedBytes, maxMetadataBytes } = limits
  return { maxArchiveMembers, maxArchiveRatio, maxUnpackedBytes, maxMetadataBytes }
}

function lesserLimits({ maxArchiveRatio, ...limits }: ArchiveLimits): ArchiveLimits {
  return {
    maxArchiveRatio,
    maxArchiveMembers: Math.min(limits.maxArchiveMembers, tinyLimits.maxArchiveMembers),
    maxUnpackedBytes: Math.min(limits.maxUnpackedBytes, tinyLimits.maxUnpackedBytes),
    maxMetadataBytes: Math.min(limits.maxMetadataBytes, tinyLimits.maxMetadataBytes),
  }
}
