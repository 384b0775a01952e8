import { type FileRows, folderId, lastRead, nextInFolder, previousInFolder } from './file-rows.js'

/**
 * The files of each folder, those seen last in front: after a read, what it did not see stands at the end, so that
 * nobody has to go through the whole folder to find what is gone.
 */
export interface FolderLists {
  /** The folder of this path below this root; made when it is new. */
  readonly at: (root: number, path: string) => ListedFolder
  /** As `at`; `undefined` when no file was ever known there. */
  readonly known: (root: number, path: string) => ListedFolder | undefined
  /** Every folder so far, in the order of its number. */
  readonly all: () => readonly ListedFolder[]
  readonly of: (row: number) => ListedFolder
  readonly add: (row: number) => void
  /** The row was seen in this read, or, without one, just now. */
  readonly touch: (row: number, read?: number) => void
  readonly remove: (row: number) => void
  /** Begins a read of the folder and numbers it. */
  readonly beginRead: (folder: ListedFolder) => number
  /** The last row of the folder that was not seen since this read began; 0 when there is none. */
  readonly unseen: (folder: ListedFolder, read: number) => number
}

/** A folder that files are known in. */
export interface ListedFolder {
  readonly id: number
  /** Index of the root. */
  readonly root: number
  /** Relative to the root; empty for the root itself. */
  readonly path: string
  first: number
  last: number
  read: number
}

/** No folders yet; links and numbers of reads stand in the rows. */
export function createFolderLists(rows: FileRows): FolderLists {
  const all: ListedFolder[] = []
  const byKey = new Map<string, ListedFolder>()

  function make(root: number, path: string, key: string): ListedFolder {
    const folder = { id: all.length, root, path, first: 0, last: 0, read: 0 }
    all.push(folder)
    byKey.set(key, folder)
    return folder
  }

  function of(row: number): ListedFolder {
    return all[rows.get(row, folderId)] as ListedFolder
  }

  function add(row: number, read?: number): void {
    const folder = of(row)
    rows.set(row, lastRead, read ?? folder.read)
    rows.set(row, previousInFolder, 0)
    rows.set(row, nextInFolder, folder.first)
    if (folder.first === 0) folder.last = row
    else rows.set(folder.first, previousInFolder, row)
    folder.first = row
  }

  function remove(row: number): void {
    const folder = of(row)
    const [previous, next] = [rows.get(row, previousInFolder), rows.get(row, nextInFolder)]
    if (previous === 0) folder.first = next
    else rows.set(previous, nextInFolder, next)
    if (next === 0) folder.last = previous
    else rows.set(next, previousInFolder, previous)
  }

  return {
    at: (root, path) => byKey.get(folderKey(root, path)) ?? make(root, path, folderKey(root, path)),
    known: (root, path) => byKey.get(folderKey(root, path)),
    all: () => all,
    of,
    add: (row) => add(row),
    touch: (row, read) => {
      remove(row)
      add(row, read)
    },
    remove,
    beginRead: (folder) => {
      folder.read = (folder.read + 1) >>> 0
      return folder.read
    },
    unseen: ({ last }, read) => (last !== 0 && rows.get(last, lastRead) < read ? last : 0),
  }
}

function folderKey(root: number, path: string): string {
  return `${root}/${path}`
}
