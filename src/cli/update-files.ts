import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { errorCode, errorMessage } from '../errors.js'
import { compareVersions, type NormalizedName, type ParsedFilename, PypiServerError, parseFilename } from '../index.js'
import { hasControlCharacters } from '../util/control-characters.js'

/** The newest file of a project in the directories. */
export interface LocalFile extends ParsedFilename {
  /** Absolute path of the directory that it lies in. */
  readonly folder: string
}

/** What the directories hold. */
export interface Inventory {
  /** One file for each project, ordered by the project's name as the file spells it. */
  readonly files: readonly LocalFile[]
  /** A line for each directory that could not be read: newer files may be in there. */
  readonly problems: readonly string[]
}

interface Folder {
  readonly path: string
  readonly depth: number
}

// As deep as serving goes.
const maxDepth = 64

/**
 * Lists what serving these directories would show, by names alone: no file is opened. Of equal versions the first counts,
 * in the order of the directories and then of names.
 * @throws ERR_PYPI_CONFIG for a directory that cannot be read
 */
export async function takeInventory(directories: readonly string[]): Promise<Inventory> {
  const newest = new Map<NormalizedName, LocalFile>()
  const problems: string[] = []
  for (const directory of directories) {
    const pending: Folder[] = [{ path: await rootPath(directory), depth: 0 }]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const entries = await readFolder(next, problems)
      for (const file of await filesOf(next.path, entries)) keepNewer(newest, file)
      pending.push(...foldersOf(next, entries))
    }
  }
  return { files: [...newest.values()].sort(byProject), problems }
}

async function rootPath(directory: string): Promise<string> {
  const isHome = directory === '~' || directory.startsWith('~/')
  const path = resolve(isHome ? join(homedir(), directory.slice(1)) : directory)
  return await realpath(path).catch((error: unknown) => {
    throw new PypiServerError('ERR_PYPI_CONFIG', unreadable(path, error), { cause: error })
  })
}

async function readFolder({ path, depth }: Folder, problems: string[]): Promise<readonly Dirent[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true })
    return entries.filter(({ name }) => isVisibleName(name)).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch (error) {
    if (depth === 0) throw new PypiServerError('ERR_PYPI_CONFIG', unreadable(path, error), { cause: error })
    if (errorCode(error) !== 'ENOENT') problems.push(unreadable(path, error))
    return []
  }
}

function unreadable(path: string, error: unknown): string {
  return `cannot read the directory ${path}: ${errorCode(error) ?? errorMessage(error)}`
}

function isVisibleName(name: string): boolean {
  // Node writes U+FFFD for bytes that are not UTF-8; such files are not served either.
  return !name.startsWith('.') && !name.includes('\ufffd') && !hasControlCharacters(name)
}

async function filesOf(folder: string, entries: readonly Dirent[]): Promise<readonly LocalFile[]> {
  const files: LocalFile[] = []
  for (const entry of entries) {
    const parsed = parseFilename(entry.name)
    if (parsed !== undefined && (await isRegularFile(folder, entry))) files.push({ ...parsed, folder })
  }
  return files
}

/** Links count when they lead to a file; those that lead nowhere are no files. */
async function isRegularFile(folder: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile()
  return await stat(join(folder, entry.name)).then(
    (target) => target.isFile(),
    () => false,
  )
}

/** Last first, since the next folder is taken from the end. Links to directories are not followed. */
function foldersOf({ path, depth }: Folder, entries: readonly Dirent[]): readonly Folder[] {
  if (depth >= maxDepth) return []
  const folders = entries.filter((entry) => entry.isDirectory())
  return folders.map(({ name }) => ({ path: join(path, name), depth: depth + 1 })).reverse()
}

function keepNewer(newest: Map<NormalizedName, LocalFile>, file: LocalFile): void {
  const known = newest.get(file.name)
  // Text that is no version is older than every version.
  if (known === undefined || compareVersions(file.version, known.version) > 0) newest.set(file.name, file)
}

function byProject(a: LocalFile, b: LocalFile): number {
  return a.project < b.project ? -1 : 1
}
