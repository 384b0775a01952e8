import { type BigIntStats, type Dir, lstatSync, opendirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { errorCode, errorMessage } from '../../errors.js'
import { answerWith, type SendBatch } from './answering.js'
import type { DirectoryBatch, DiskAnswers, DiskRequest } from './disk-protocol.js'
import { createEntryWriter, type EntryWriter } from './file-entry.js'
import {
  directoryIdentity,
  type FileState,
  fileState,
  isVisibleName,
  joinPath,
  maxDepth,
  mayBeSameDirectory,
  projectsFolder,
  stateFolder,
} from './layout.js'
import { isOfProjects } from './project-names.js'
import { readSnapshot } from './read-snapshot.js'

// The thread that reads directories: synchronous calls are several times cheaper than the pool's, and block nobody here.

// Taken in within a few milliseconds, whatever else is to be done.
const entriesPerBatch = 200
const racyMs = 50
const noIdentity = { ino: 0n, size: 0n, mtimeNs: 0n, ctimeNs: 0n }

type Request<K extends DiskRequest['kind']> = Extract<DiskRequest, { kind: K }>

let scanning: Promise<void> = Promise.resolve()

answerWith(async (request, send) => {
  switch (request.kind) {
    case 'scan':
      if (request.projects !== undefined) return await scan(request, unlessEmpty(send))
      // One after the other; looks come in between.
      scanning = scanning.catch(() => {}).then(() => scan(request, send))
      return await scanning
    case 'look':
      return lookAt(request)
    case 'load':
      return readSnapshot(request.path)
    case 'times':
      return request.directories.map((directory) => directoryTime(join(request.root, directory)))
    default:
      throw new Error(`${request.kind} is for the other threads`)
  }
})

interface Scan {
  readonly root: string
  /** Which directory the root is; what is not found in another one is not gone. */
  readonly inode: string
  readonly finds: Request<'scan'>['finds']
  readonly isWanted: (name: string) => boolean
  readonly writer: EntryWriter
  readonly send: SendBatch
}

async function scan(request: Request<'scan'>, send: SendBatch): Promise<void> {
  const { root, directory, isRecursive, finds, projects } = request
  const isWanted = projects === undefined ? () => true : isOfProjects(projects)
  const writer = createEntryWriter(entriesPerBatch)
  try {
    const under = { root, inode: inodeAt(root), finds, isWanted, writer, send }
    const pending = [directory]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const folders = await readDirectory(under, next)
      const isDeepest = next.split('/').length >= maxDepth
      if (isRecursive && !isDeepest) pending.push(...folders.map((folder) => joinPath(next, folder)))
    }
  } catch (error) {
    await send(problemAt(writer, '', error))
  }
}

/** Who looks for a few files is not told of where there are none; others who ask are answered in between all the same. */
function unlessEmpty(send: SendBatch): SendBatch {
  return (batch) => (batch.entries.length > 0 || batch.problem !== undefined ? send(batch) : setImmediate())
}

/** @throws when it is the root that cannot be read, or that is another directory by now */
async function readDirectory(scan: Scan, directory: string): Promise<readonly string[]> {
  const { root, inode, writer, send } = scan
  const path = join(root, directory)
  const time = directoryTime(path)
  const found: Found = { folders: [], hasState: false }
  const { folders } = found
  let dir: Dir | undefined
  try {
    dir = openFolder(scan, path)
    for (let isFirst = true, isLast = false; !isLast; isFirst = false) {
      isLast = readSome(scan, dir, path, found)
      const { hasState } = found
      await send({ directory, isFirst, isLast, time, entries: writer.take(), folders: isLast ? folders : [], hasState })
    }
    return folders
  } catch (error) {
    assertStill(root, inode)
    await send(problemAt(writer, directory, error))
    return []
  } finally {
    dir?.closeSync()
  }
}

function openFolder(scan: Scan, path: string): Dir {
  const open = (): Dir => opendirSync(path, { bufferSize: entriesPerBatch })
  try {
    return open()
  } catch {
    assertStill(scan.root, scan.inode)
    return open()
  }
}

function problemAt(writer: EntryWriter, directory: string, error: unknown): DirectoryBatch {
  const nothing = { entries: writer.take(), folders: [], hasState: false }
  const problem = errorCode(error) ?? errorMessage(error)
  return { directory, isFirst: true, isLast: true, time: '', ...nothing, problem }
}

/**
 * What `find` finds below a root. It may have found nothing because the root was away: then, once that is known to be
 * there, it is asked again.
 * @throws when the root is not there or another directory by now
 */
function findBelow<T>({ root, inode }: Pick<Scan, 'root' | 'inode'>, find: () => T | undefined): T | undefined {
  const found = find()
  if (found !== undefined) return found
  assertStill(root, inode)
  return find()
}

function assertStill(root: string, inode: string): void {
  if (mayBeSameDirectory(inodeAt(root), inode)) return
  throw Object.assign(new Error(`${root} is another directory by now`), { code: 'ESTALE' })
}

function inodeAt(path: string): string {
  return directoryIdentity(statSync(path, { bigint: true }))
}

/** What is in a directory besides files. */
interface Found {
  readonly folders: string[]
  hasState: boolean
}

/** Reads the next entries, and looks at them; tells whether they were the last. */
function readSome(scan: Scan, dir: Dir, path: string, found: Found): boolean {
  const { finds, isWanted, writer } = scan
  for (let count = 0; count < entriesPerBatch; count += 1) {
    const entry = dir.readSync()
    if (entry === null) return true
    // Remembered digests alone may come into being anywhere.
    if (entry.name === stateFolder) found.hasState = isFolder(projectsFolder(path))
    if (!isVisibleName(entry.name)) continue
    if (entry.isDirectory()) found.folders.push(entry.name)
    else if (!isWanted(entry.name)) continue
    else if (finds === 'names' && entry.isFile()) writer.add(entry.name, noIdentity)
    else if (entry.isFile() || entry.isSymbolicLink()) {
      const stat = findBelow(scan, () => statOf(join(path, entry.name)))
      if (stat?.isFile()) writer.add(entry.name, finds === 'names' ? noIdentity : stat)
    }
  }
  return false
}

function directoryTime(path: string): string {
  try {
    const stat = statSync(path, { bigint: true })
    // A change in the same clock tick as the read would not show in the time: read once more later.
    const isFresh = Date.now() - Number(stat.mtimeNs / 1_000_000n) < racyMs
    return `${directoryIdentity(stat)}:${isFresh ? '' : stat.mtimeNs}`
  } catch {
    // Reading it will tell why.
    return ''
  }
}

function lookAt({ root, inode, directory, names }: Request<'look'>): DiskAnswers['look'] {
  const known = inode || inodeAt(root)
  const lookFor = (name: string): FileState | 'folder' | 'gone' => look(join(root, directory, name)) ?? 'gone'
  const seen = names.map((name) => [name, lookFor(name)] as const)
  if (seen.every(([, found]) => found !== 'gone')) return seen
  // As `findBelow`, with one look at the root for all of them.
  assertStill(root, known)
  const again = seen.map(([name, found]) => [name, found === 'gone' ? lookFor(name) : found] as const)
  // They are many, and it may have gone in the midst of them.
  if (again.some(([, found]) => found === 'gone')) assertStill(root, known)
  return again
}

function look(path: string): FileState | 'folder' | undefined {
  const stat = statOf(path)
  // As in a scan, links to directories are not entered: they may lead in circles.
  if (stat?.isDirectory()) return isLink(path) ? undefined : 'folder'
  return stat?.isFile() ? fileState(stat) : undefined
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false })
  } catch (error) {
    if (['ENOTDIR', 'ENAMETOOLONG'].includes(errorCode(error) ?? '') || isLink(path)) return undefined
    throw error
  }
}

function isFolder(path: string): boolean {
  return statOf(path)?.isDirectory() ?? false
}

/** A link that leads nowhere sensible is no file; for anything else a failure must not look like absence. */
function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}
