import type { FSWatcher } from 'node:fs'
import type { DirectoryBatch } from './disk-protocol.js'
import { mayBeSameDirectory } from './layout.js'

/** Hears of one read of a folder. */
export interface FolderRead {
  /** Some files that are there. */
  readonly onEntries: (entries: Uint32Array) => void
  /** That was all: what was not seen is gone. Fulfils when that is taken in. */
  readonly onEnd: () => Promise<void>
}

/** A folder that a tracker follows. */
export interface Folder {
  readonly root: number
  readonly path: string
  /** As {@link DirectoryBatch.time}; empty means: read again. */
  time: string
  /** Which directory it was when it was read last; empty before that. */
  inode: string
  /** Something was seen in it. */
  wasUsed: boolean
  folders: Set<string>
  reading: FolderRead | undefined
  watcher: FSWatcher | undefined
  /** Nothing happened between reading it and watching it, or it was read again since. */
  isConfirmed: boolean
  problem: string | undefined
}

/** One that was not read yet. */
export function newFolder(root: number, path: string): Folder {
  return {
    root,
    path,
    time: '',
    inode: '',
    wasUsed: false,
    folders: new Set(),
    reading: undefined,
    watcher: undefined,
    isConfirmed: false,
    problem: undefined,
  }
}

/** Ends the watch of a folder: what happens in it from now on is not told. */
export function unwatch(folder: Folder): void {
  folder.watcher?.close()
  folder.watcher = undefined
  folder.isConfirmed = false
}

/** Whether a change could have gone unnoticed: roots can be replaced, and what is not watched tells nothing. */
export function isDoubtful({ path, isConfirmed }: Folder): boolean {
  return path === '' || !isConfirmed
}

/** What is wrong with a folder that {@link isHollow}. */
export const hollow = 'an empty directory took its place; mount its disk, or start again if it is meant to be empty'

/**
 * Whether the mount point of a disk that is gone may have come to light: an empty directory stands where one with files
 * was, and nothing says that this one was ever ours. Whether those files still exist nobody can tell.
 */
export function isHollow({ path, inode, wasUsed }: Folder, batch: DirectoryBatch): boolean {
  const isWhole = batch.isFirst && batch.isLast
  if (!wasUsed || !isWhole || batch.entries.length > 0 || batch.folders.length > 0 || batch.hasState) return false
  const now = inodeOf(batch.time)
  // Sub-folders are emptied and made again on purpose; but not on another disk.
  return path === '' ? !mayBeSameDirectory(now, inode) : deviceOf(now) !== deviceOf(inode)
}

/** Whether files that are known may have changed where we cannot look; a sub-folder that is closed to us changes none. */
export function isBlinding({ problem: reason = '', path }: Pick<Folder, 'problem' | 'path'>): boolean {
  return path === '' || !['EACCES', 'EPERM'].includes(reason)
}

/** Whether names that are not known may be in there: anything but what file systems themselves keep closed. */
export function mayHideNames({ path }: Folder): boolean {
  return path !== 'lost+found'
}

/** What tells a directory from others, out of {@link DirectoryBatch.time}. */
export function inodeOf(time: string): string {
  return time.slice(0, time.lastIndexOf(':'))
}

function deviceOf(inode: string): string {
  return inode.slice(0, inode.indexOf(':'))
}
