import type { DigestCache } from '../../digests/digest-cache.js'
import { errorMessage } from '../../errors.js'
import type { Logger } from '../../logger.js'
import type { Catalogue, Inspection } from './catalogue.js'
import { type SnapshotScope, saveSnapshot } from './snapshot.js'

/** Writes the catalogue down whenever enough was found out since the last time. */
export interface Snapshots {
  /** Fulfils when nothing is being written. */
  readonly close: () => Promise<void>
}

/** What is written where. */
export interface SnapshotsOptions extends SnapshotScope {
  readonly path: string
  readonly catalogue: Catalogue
  /** What stands in a snapshot need not stand there. */
  readonly cache: DigestCache<Inspection>
  readonly logger: Logger
}

const checkMs = 10_000
// Below this the digest cache alone is as fast.
const fewestDigests = 1000
const fraction = 10

/** Looks at the clock from now on until `close`. */
export function keepSnapshots(options: SnapshotsOptions): Snapshots {
  const { path, catalogue, cache, logger } = options
  let writing: Promise<void> = Promise.resolve()
  let isWriting = false

  async function write(): Promise<void> {
    isWriting = true
    try {
      const dropOlder = await cache.rotate()
      await saveSnapshot(path, catalogue, options)
      await dropOlder()
    } catch (error) {
      // The digest cache still has everything; only the next start takes longer.
      logger.warn({ path, reason: errorMessage(error) }, 'no snapshot of the catalogue can be written')
    } finally {
      isWriting = false
    }
  }

  const timer = setInterval(() => {
    if (!isWriting && cache.written() > Math.max(fewestDigests, catalogue.count() / fraction)) writing = write()
  }, checkMs).unref()
  return {
    close: async () => {
      clearInterval(timer)
      await writing
    },
  }
}
