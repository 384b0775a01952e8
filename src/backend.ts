import type { Readable } from 'node:stream'
import type { DistributionFilename } from './packaging/filename.js'
import type { NormalizedName } from './packaging/name.js'
import type { ByteReader } from './util/byte-reader.js'

export type { ByteReader, DistributionFilename, NormalizedName }

/** One distribution file (a wheel, an sdist, a legacy format) as index pages describe it. */
export interface DistributionFile {
  /** Project that it belongs to. */
  readonly project: NormalizedName
  /** Last part of `path`. */
  readonly filename: DistributionFilename
  /** Where `packages/` serves it: forward slashes, unique in the index, chosen by the backend, not percent-encoded. */
  readonly path: string
  /** As the file name spells it; empty when the name carries none. */
  readonly version: string
  /** Bytes. */
  readonly size: number
  /** Lower-case hex by algorithm, `sha256` first; empty only while a backend is still hashing a file it found. */
  readonly hashes: Readonly<Record<string, string>>
  /** `Requires-Python` out of the file's own metadata. */
  readonly requiresPython?: string
  /** Digests of the core metadata that `openFile(file, { part: 'metadata' })` serves; absent when there is none (PEP 714). */
  readonly coreMetadata?: Readonly<Record<string, string>>
  /** A detached signature `<filename>.asc` can be opened as part `signature`. */
  readonly hasSignature?: boolean
  /** Attestations of where it comes from can be opened as part `provenance` (PEP 740); absent when there are none. */
  readonly provenance?: Verification
  /** Present when the file is yanked (PEP 592). */
  readonly yanked?: Yank
  /** Milliseconds since the epoch; the modification time for files that were copied in. */
  readonly uploadTimeMs: number
}

/** Whether somebody here checked the signatures of attestations before they were stored. */
export type Verification = 'verified' | 'unverified'

/** Why a file was withdrawn (PEP 592). */
export interface Yank {
  /** Shown by installers; free text. @default none */
  readonly reason?: string
}

/** PEP 792. */
export type ProjectStatus = 'active' | 'archived' | 'quarantined' | 'deprecated'

/** One project as of one instant. */
export interface Project {
  /** The one spelling under which it is looked up (PEP 503). */
  readonly name: NormalizedName
  /** Opaque validator of at most 64 visible ASCII characters: equal revisions have identical contents. Becomes the ETag. */
  readonly revision: string
  /** Unordered; pages bring them in order. */
  readonly files: readonly DistributionFile[]
  /** What may be done with it (PEP 792), and why. @default active */
  readonly status?: { readonly status: ProjectStatus; readonly reason?: string }
  /** Serial of the last change of this project; whatever is shown here, this serial or a smaller one stands for it. */
  readonly serial?: number
}

/** What the project list needs to know of a project. */
export interface ProjectSummary {
  /** The one spelling under which it is looked up (PEP 503). */
  readonly name: NormalizedName
  /** How many files it has, where the backend knows without looking. */
  readonly fileCount?: number
  /** Serial of its last change, as far as it is known; never above that of the project itself. */
  readonly serial?: number
}

/** Options of everything that waits for the storage. */
export interface ReadOptions {
  /** Aborts the wait; the call then rejects with the signal's reason. @default nothing does */
  readonly signal?: AbortSignal
}

/** The last change of one project, as mirrors hear of it. */
export interface ProjectChange {
  /** Project that changed, or that is gone. */
  readonly project: NormalizedName
  /** Number of the change; later ones have larger numbers. */
  readonly serial: number
  /** Milliseconds since the epoch. */
  readonly timeMs: number
  /** What happened, for people; PyPI's words where it has some: `create`, `add py3 file …`, `remove project`. */
  readonly action: string
  /** The version that it happened to, where it was one. */
  readonly version?: string
}

/** Options of {@link Backend.changesSince}. */
export interface ChangesOptions extends ReadOptions {
  /** Most changes that are told; the others come with the serial of the last one that was told. @default 50000 */
  readonly limit?: number
}

/** `content` is the distribution file itself, the others stand beside it. */
export type FilePart = 'content' | 'metadata' | 'signature' | 'provenance'

/** Inclusive byte positions, or the last `suffix` bytes; a backend clamps the end, never the start (RFC 9110 14.1.2). */
export type RequestedRange = { readonly start: number; readonly end?: number } | { readonly suffix: number }

/** Options of {@link Backend.openFile}. */
export interface OpenFileOptions extends ReadOptions {
  /** Which part to open. @default content */
  readonly part?: FilePart
  /** Bytes to open; a range outside the part rejects with `ERR_PYPI_RANGE_NOT_SATISFIABLE`. @default the whole part */
  readonly range?: RequestedRange
  /** Honour `range` only when the part's validator or modification time is this one (RFC 9110 13.1.5). @default always */
  readonly ifRange?: string
  /** Describe the part, but open no body: for `HEAD` and revalidation. @default false */
  readonly describeOnly?: boolean
}

/** An open part. Size, range and validators describe the very bytes in `body`, even while the file is replaced. */
export interface OpenedFile {
  /** Bytes of the whole part. */
  readonly size: number
  /** The bytes in `body`, both inclusive; absent when `body` is the whole part. */
  readonly range?: { readonly start: number; readonly end: number }
  /** Strong validator without quotes, visible ASCII. */
  readonly etag: string
  /** Milliseconds since the epoch. */
  readonly modifiedMs: number
  /**
   * Bytes that nobody may change, a reader that the caller closes, a stream that the caller consumes or destroys, or a URL
   * to send the client to; absent with `describeOnly`. A reader is the quickest for large files on a disk.
   */
  readonly body?: Uint8Array | ByteReader | Readable | { readonly redirect: string }
}

/** A file, and one whole part of it that is in memory. */
export interface FileAtHand {
  /** The record of the file, as `findFile` tells it. */
  readonly file: DistributionFile
  /** The part, as `openFile` opens it without options. */
  readonly opened: OpenedFile & { readonly body: Uint8Array }
}

/** Where the bytes of a distribution file lie, for a front server that opens files of this machine itself. */
export interface LocalFile {
  /** Absolute, without symbolic links, not percent-encoded. */
  readonly path: string
  /** What stands for it below the prefix that `sendfile` names: relative, forward slashes, not percent-encoded. */
  readonly location: string
}

/** A complete, checked upload on its way into the index. */
export interface Candidate {
  /** Project that the file is for. */
  readonly project: NormalizedName
  /** Name under which it is to be stored; checked. */
  readonly filename: DistributionFilename
  /** As the file name spells it. */
  readonly version: string
  /** Absolute path of a closed, synced file whose bytes have these digests; `publish` may move it away. */
  readonly spooledPath: string
  /** Bytes. */
  readonly size: number
  /** As in {@link DistributionFile.hashes}; `sha256` always. */
  readonly hashes: Readonly<Record<string, string>>
  /** Core metadata as it stands in the archive, and its digest; absent when there is none to serve. */
  readonly metadata?: { readonly bytes: Uint8Array; readonly sha256: string }
  /** `Requires-Python` out of its metadata; absent when it has none. */
  readonly requiresPython?: string
  /** An ASCII-armoured detached signature, stored as `<filename>.asc`. */
  readonly signature?: Uint8Array
  /** A provenance object in JSON (PEP 740); it goes with the file: replaced with it, removed with it. */
  readonly provenance?: { readonly bytes: Uint8Array; readonly verification: Verification }
}

/** Options of {@link Backend.publish}. */
export interface PublishOptions extends ReadOptions {
  /** Replace a file of this name. A reader then sees either file, never a mixture. @default false */
  readonly overwrite?: boolean
}

/** Options of {@link Backend.remove}. */
export interface RemoveOptions extends ReadOptions {
  /** Let other bytes have the file's name later; otherwise only the same bytes may come back under it. @default false */
  readonly freesName?: boolean
}

/** One line of an audit log. */
export interface AuditEntry {
  /** What was done. */
  readonly action: 'publish' | 'remove' | 'yank' | 'unyank' | 'status' | 'free'
  /** Null for anonymous. */
  readonly user: string | null
  /** Project that it was done to. */
  readonly project: NormalizedName
  readonly [detail: string]: string | number | boolean | null | undefined
}

/** Projects that may differ from what was read before: read them again. Level-triggered, never a log. */
export interface Change {
  /** Names, or `all` when nobody can say which. */
  readonly projects: ReadonlySet<NormalizedName> | 'all'
}

/**
 * Where projects and files live. Three methods make a backend; each further one is a capability by which routes are
 * turned on. Absent is `undefined`; failure is a thrown error: «cannot tell» must never look like «does not exist».
 */
export interface Backend {
  /** For logs: what and where, such as `directory ./packages`. */
  readonly name: string
  /** Every project in pages of the backend's own size, each once, unordered; memory does not grow with their number. */
  listProjects(options?: ReadOptions): AsyncIterable<readonly ProjectSummary[]>
  /**
   * Of at most 64 characters, and other ones as soon as `listProjects` would tell anything else than before; the same while
   * nothing changes. Read before the list, so that the list is put together once per change and not for every request.
   */
  listRevision?(options?: ReadOptions): Promise<string>
  /** One project as of one instant; `undefined` only when it is known not to exist, an error when that cannot be told. */
  getProject(name: NormalizedName, options?: ReadOptions): Promise<Project | undefined>
  /**
   * What `getProject` would fulfil with now, when that can be told without waiting for anybody; `undefined` sends the
   * asker to `getProject`. With the same object until something changes, pages of popular projects cost next to nothing.
   */
  projectAtHand?(name: NormalizedName): Project | undefined
  /**
   * Opens one part of a file; `undefined` when it is known not to exist. Provenance is of the kind that the record tells, or
   * none: what nobody verified must never pass for verified.
   */
  openFile(file: DistributionFile, options?: OpenFileOptions): Promise<OpenedFile | undefined>

  /**
   * Where the content of a file lies, if it is a plain file that a front server may send as it stands; `undefined` has the
   * index send the bytes. Without it there is no `sendfile`.
   */
  localFile?(file: DistributionFile, options?: ReadOptions): Promise<LocalFile | undefined>
  /** The file at this `path`, unless its project is quarantined; without it the index looks the file's project up. */
  findFile?(path: string, options?: ReadOptions): Promise<DistributionFile | undefined>
  /**
   * What `findFile` would find at this `path` and `openFile` open whole, when its bytes are in memory and it is sure, without
   * waiting for anybody, that they still are the ones to serve; `undefined` sends the asker to those two. With the same object
   * until something changes, small files that are popular cost little more than sending them.
   */
  fileAtHand?(path: string, part?: FilePart): FileAtHand | undefined
  /**
   * All parts or none. Of any number of concurrent calls for one file name, in any number of processes, exactly one
   * fulfils and the others reject with `ERR_PYPI_FILE_EXISTS`. Once fulfilled the bytes survive kill -9 and a power cut;
   * once rejected nothing is visible and nothing is left behind.
   */
  publish?(candidate: Candidate, options?: PublishOptions): Promise<DistributionFile>
  /** Whether the file was there. */
  remove?(file: DistributionFile, options?: RemoveOptions): Promise<boolean>
  /** Yanks a file, or no longer (`undefined`), see PEP 592. Fulfils with whether the file is there. */
  setYanked?(file: DistributionFile, yanked: Yank | undefined, options?: ReadOptions): Promise<boolean>
  /**
   * The status of a project, `undefined` where it has none or is not there: asked for before each upload, so that the project
   * need not be put together for that. Without it the index asks `getProject`.
   */
  getStatus?(project: NormalizedName, options?: ReadOptions): Promise<Project['status']>
  /** Gives a project another status (PEP 792). Fulfils with whether the project is there. */
  setStatus?(project: NormalizedName, status: NonNullable<Project['status']>, options?: ReadOptions): Promise<boolean>
  /**
   * Forgets that a name was used here: from then on it is as unknown as any other, and may lead to the fallback. The names
   * of files that were removed stay bound to their bytes. Fulfils with whether there was anything to forget; rejects with
   * `ERR_PYPI_FORBIDDEN` while the project has files.
   */
  freeProject?(project: NormalizedName): Promise<boolean>
  /** Adds one line to an append-only log of changes. */
  audit?(entry: AuditEntry): Promise<void>
  /** Calls the listener after each change until the signal aborts, then fulfils. */
  watch?(listener: (change: Change) => void, options: { readonly signal: AbortSignal }): Promise<void>
  /**
   * Serial of the last change of the whole index: a whole number that never becomes smaller, also over restarts; 0
   * before the first change, `undefined` while none can be kept; no page shows one then.
   */
  lastSerial?(options?: ReadOptions): Promise<number | undefined>
  /**
   * The last change of each project that changed after this serial, of removed ones too, by rising serial. Told soon after
   * it happened; a serial that is told here is never above the one that the project's page shows from then on.
   */
  changesSince?(serial: number, options?: ChangesOptions): Promise<readonly ProjectChange[]>
  /** Makes the directory, on the backend's own storage if it has one, where uploads are spooled, and names it. @default a folder below the system's temporary directory */
  spoolDirectory?(): Promise<string>
  /** Fulfils when the backend can answer; rejects with the reason why it cannot. */
  check?(options?: ReadOptions): Promise<void>
  /** Ends watchers and timers, writes what is remembered. Idempotent. */
  close?(): Promise<void>
}
