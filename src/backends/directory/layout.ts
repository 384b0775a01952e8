import type { BigIntStats } from 'node:fs'
import { join } from 'node:path'
import { hasControlCharacters } from '../../util/control-characters.js'

/** Where a directory backend keeps everything that is not a distribution file; hidden, so it is never listed. */
export const stateFolder = '.pypi-server'

/** Uploads on their way in; on the same file system as the files, so that they can be linked into place. */
export function spoolFolder(root: string): string {
  return join(root, stateFolder, 'spool')
}

/** One document a project with what its files cannot say: yanks, status, removed names. The only state that is not a cache. */
export function projectsFolder(root: string): string {
  return join(root, stateFolder, 'projects')
}

/** Locks that other processes respect; those of dead ones are removed at the start. */
export function locksFolder(root: string): string {
  return join(root, stateFolder, 'locks')
}

/** One line for every change that somebody made here; only ever appended to. */
export function auditFile(root: string): string {
  return join(root, stateFolder, 'audit.jsonl')
}

/** The last change of each project with its serial: what mirrors follow. */
export function journalFile(root: string): string {
  return join(root, stateFolder, 'journal.jsonl')
}

/** Remembered digests and metadata: only a cache, deletable at any time. */
export function digestCacheFile(root: string): string {
  return join(root, stateFolder, 'digests.jsonl')
}

/** What stands beside a distribution file and belongs to it, by what its name ends in. No longer than the room that names leave. */
export const companionSuffixes = { signature: '.asc', verified: '.provenance', unverified: '.attestations' } as const

/** A file beside a distribution file: a signature, or provenance that was or was not verified when it came. */
export type Companion = keyof typeof companionSuffixes

/** All kinds of companions. */
export const companions = Object.keys(companionSuffixes) as readonly Companion[]

const suffixes = Object.values(companionSuffixes)

/** The path of the file that the companion at this path belongs to, whatever that is; `undefined` for other paths. */
export function companionTarget(path: string): string | undefined {
  const suffix = suffixes.find((known) => path.endsWith(known))
  return suffix && path.slice(0, -suffix.length)
}

/** The catalogue as it was a while ago: only a cache, deletable at any time. */
export function snapshotFile(root: string): string {
  return join(root, stateFolder, 'catalogue.snapshot')
}

/** Directories below this depth are not entered. */
export const maxDepth = 64

/** Whether a directory entry of this name is looked at: not hidden, valid UTF-8, no control characters. */
export function isVisibleName(name: string): boolean {
  // Node writes U+FFFD for bytes that are not UTF-8; such a file could not be opened under the name it was given.
  return !name.startsWith('.') && !name.includes('\ufffd') && !hasControlCharacters(name)
}

/** The directory that a path leads through, relative to the same root; empty for the root itself. */
export function directoryOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0))
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The path of an entry of a folder, both relative to a root; the root itself is the empty path. */
export function joinPath(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}

/** The absolute path of a file below one of these roots. */
export function absolutePath(
  { roots }: { readonly roots: readonly string[] },
  { root, path }: { readonly root: number; readonly path: string },
): string {
  return join(roots[root] ?? '', path)
}

/** What an identity is made of. */
export type IdentityStat = Pick<BigIntStats, 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>

/** Two equal identities mean the same bytes: inode, size, modification and change time to the nanosecond. */
export function fileIdentity(stat: IdentityStat): string {
  return `${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`
}

/**
 * What tells a directory from others: device, inode, and the time of birth, for a new directory may get the inode of one
 * that was removed. Where the system knows no such time Node tells the change time in its place, which moves with every
 * file in there: it is left out while the two are equal.
 */
export function directoryIdentity({
  dev,
  ino,
  birthtimeNs,
  ctimeNs,
}: Pick<BigIntStats, 'dev' | 'ino' | 'birthtimeNs' | 'ctimeNs'>): string {
  return `${dev}:${ino}:${birthtimeNs === ctimeNs ? '' : birthtimeNs}`
}

/** Whether two identities may be of one directory; without a time of birth there is no telling that they are not. */
export function mayBeSameDirectory(one: string, other: string): boolean {
  if (one === other) return true
  return withoutBirth(one) === withoutBirth(other) && (one.endsWith(':') || other.endsWith(':'))
}

function withoutBirth(identity: string): string {
  return identity.slice(0, identity.lastIndexOf(':'))
}

/** What a directory entry looked like at one instant. */
export interface FileState {
  /** See {@link fileIdentity}. */
  readonly identity: string
  /** Bytes. */
  readonly size: number
  /** Milliseconds since the epoch, within the years 1 to 9999. */
  readonly modifiedMs: number
  /** Milliseconds since the epoch; copying with preserved times does not hide this one. */
  readonly changedMs: number
}

// File systems know more than the years 1 to 9999, the formats that pages and headers tell times in do not.
const firstMs = Date.parse('0001-01-01T00:00:00Z')
const lastMs = Date.parse('9999-12-31T23:59:59Z')

/** The state of a regular file out of its `stat`. */
export function fileState(stat: IdentityStat): FileState {
  return {
    identity: fileIdentity(stat),
    size: Number(stat.size),
    modifiedMs: Math.min(Math.max(Number(stat.mtimeNs / 1000n) / 1000, firstMs), lastMs),
    changedMs: Number(stat.ctimeNs / 1000n) / 1000,
  }
}
