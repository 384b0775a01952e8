import type { DistributionKind } from '../../archive/distribution-metadata.js'
import type { EntryWriter } from './file-entry.js'
import type { FileState } from './layout.js'
import type { Snapshot } from './snapshot.js'

/** What the main thread asks of the threads that read disks. */
export type DiskRequest =
  | {
      readonly kind: 'scan'
      readonly root: string
      readonly directory: string
      readonly isRecursive: boolean
      /** `names` looks at no file that its directory tells to be one: the entries have no identity. */
      readonly finds: 'states' | 'names'
      /** Finds the files of these projects alone, and what stands beside them; such a scan does not wait for others. */
      readonly projects?: readonly string[]
    }
  | {
      readonly kind: 'look'
      readonly root: string
      /** Which directory the root is known as; empty for whichever it is now. In another one nothing counts as gone. */
      readonly inode: string
      readonly directory: string
      readonly names: readonly string[]
    }
  | { readonly kind: 'load'; readonly path: string }
  | { readonly kind: 'times'; readonly root: string; readonly directories: readonly string[] }
  | { readonly kind: 'describe'; readonly path: string; readonly parsed: DistributionKind }
  | {
      /** Describes and digests several files, meant to be small. */
      readonly kind: 'inspect'
      readonly files: readonly { readonly path: string; readonly parsed: DistributionKind }[]
      readonly algorithms: readonly string[]
    }
  | {
      readonly kind: 'digest'
      readonly path: string
      readonly filename: string
      readonly algorithms: readonly string[]
    }

/** One directory, or a part of a large one, as it was read. */
export interface DirectoryBatch {
  /** Relative to the root, forward slashes, empty for the root itself. */
  readonly directory: string
  readonly isFirst: boolean
  readonly isLast: boolean
  /**
   * What tells the directory from others, a colon, and its modification time before the read; nothing behind the colon
   * when that is too fresh to tell a later change from this read.
   */
  readonly time: string
  /** The files in this part. */
  readonly entries: ReturnType<EntryWriter['take']>
  /** All of them, with the last part. */
  readonly folders: readonly string[]
  /** Whether documents of projects were seen in it up to here. */
  readonly hasState: boolean
  /** The code of the error that kept the directory from being read. */
  readonly problem?: string
}

/** What the archive says of itself, found with a few short reads. */
export interface Description {
  /** Identity of the bytes that were read. */
  readonly identity: string
  readonly state: 'complete' | 'truncated' | 'unreadable' | 'unknown'
  readonly problem?: string
  readonly metadata?: Uint8Array
  /** Lower-case hex. */
  readonly metadataSha256?: string
  readonly requiresPython?: string
}

/** What reading the whole file gives. */
export interface FileDigest {
  /** Identity of the bytes that were read; empty when the file changed meanwhile. */
  readonly identity: string
  /** Whether the file has an end, as far as its format tells. */
  readonly state: Description['state']
  /** Lower-case hex by algorithm. */
  readonly hashes: Readonly<Record<string, string>>
}

/** What both give; or the code and the message of the error that kept the file from being read. */
export type InspectedFile =
  | { readonly description: Description; readonly digest: FileDigest }
  | { readonly code: string | undefined; readonly message: string }

/** Answers by kind of request; `scan` answers with batches first. */
export interface DiskAnswers {
  scan: undefined
  look: readonly (readonly [name: string, state: FileState | 'folder' | 'gone'])[]
  times: readonly string[]
  load: Snapshot | undefined
  describe: Description
  inspect: readonly InspectedFile[]
  digest: FileDigest
}
