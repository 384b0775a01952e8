import { type BigIntStats, type Dir, lstatSync, opendirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, errorMessage } from '../../errors.js'
import { answerWith, type SendBatch } from './answering.js'
import type { DiskAnswers, DiskRequest } from './disk-protocol.js'
import { createEntryWriter } from './file-entry.js'
import {
  directoryIdentity,
  type FileState,
  fileState,
  isVisibleName,
  joinPath,
  maxDepth,
  projectsFolder,
  stateFolder,
} from './layout.js'
import { readSnapshot } from './read-snapshot.js'

// The thread that reads directories: synchronous calls are several times cheaper than the pool's, and block nobody here.

// Taken in within a few milliseconds, whatever else is to be done.
const entriesPerBatch = 200
const racyMs = 50
const noIdentity = { ino: 0n, size: 0n, mtimeNs: 0n, ctimeNs: 0n }

type Request<K extends DiskRequest['kind']> = Extract<DiskRequest, { kind: K }>

// Of the one scan that is under way.
const writer = createEntryWriter(entriesPerBatch)
let scanning: Promise<void> = Promise.resolve()

answerWith(async (request, send) => {
  switch (request.kind) {
    case 'scan':
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

async function scan(request: Request<'scan'>, send: SendBatch): Promise<void> {
  const { isRecursive } = request
  const pending = [request.directory]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const folders = await readDirectory(request, next, send)
    const isDeepest = next.split('/').length >= maxDepth
    if (isRecursive && !isDeepest) pending.push(...folders.map((folder) => joinPath(next, folder)))
  }
}

async function readDirectory(
  { root, finds }: Request<'scan'>,
  directory: string,
  send: SendBatch,
): Promise<readonly string[]> {
  const path = join(root, directory)
  const time = directoryTime(path)
  const found: Found = { folders: [], hasState: false }
  const { folders } = found
  let dir: Dir | undefined
  try {
    dir = opendirSync(path, { bufferSize: entriesPerBatch })
    for (let isFirst = true, isLast = false; !isLast; isFirst = false) {
      isLast = readSome(dir, path, found, finds)
      const { hasState } = found
      await send({ directory, isFirst, isLast, time, entries: writer.take(), folders: isLast ? folders : [], hasState })
    }
    return folders
  } catch (error) {
    const problem = errorCode(error) ?? errorMessage(error)
    const nothing = { entries: writer.take(), folders: [], hasState: false }
    await send({ directory, isFirst: true, isLast: true, time: '', ...nothing, problem })
    return []
  } finally {
    dir?.closeSync()
  }
}

/** What is in a directory besides files. */
interface Found {
  readonly folders: string[]
  hasState: boolean
}

/** Reads the next entries, and looks at them; tells whether they were the last. */
function readSome(dir: Dir, path: string, found: Found, finds: Request<'scan'>['finds']): boolean {
  for (let count = 0; count < entriesPerBatch; count += 1) {
    const entry = dir.readSync()
    if (entry === null) return true
    // Remembered digests alone may come into being anywhere.
    if (entry.name === stateFolder) found.hasState = isFolder(projectsFolder(path))
    if (!isVisibleName(entry.name)) continue
    if (entry.isDirectory()) found.folders.push(entry.name)
    else if (finds === 'names' && entry.isFile()) writer.add(entry.name, noIdentity)
    else if (entry.isFile() || entry.isSymbolicLink()) {
      const stat = statOf(join(path, entry.name))
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

function lookAt({ root, directory, names }: Request<'look'>): DiskAnswers['look'] {
  const seen = names.map((name) => [name, look(join(root, directory, name))] as const)
  // Whatever is below a root that vanished is not gone: nobody can tell.
  if (seen.some(([, found]) => found === 'gone')) statSync(root)
  return seen
}

function look(path: string): FileState | 'folder' | 'gone' {
  const stat = statOf(path)
  // As in a scan, links to directories are not entered: they may lead in circles.
  if (stat?.isDirectory()) return isLink(path) ? 'gone' : 'folder'
  return stat?.isFile() ? fileState(stat) : 'gone'
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
