import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { fileSource } from '../../archive/byte-source.js'
import { readDistributionMetadata, verifyEnd } from '../../archive/distribution-metadata.js'
import { createDigester, digestFile } from '../../digests/digest.js'
import { errorCode, errorMessage } from '../../errors.js'
import { parseCoreMetadata } from '../../packaging/core-metadata.js'
import { isSpecifierSet } from '../../packaging/specifier.js'
import type { Description, DirectoryBatch, DiskRequest, FileDigest } from './disk-protocol.js'
import { type FileState, fileIdentity, fileState, isVisibleName, joinPath, maxDepth } from './layout.js'

// The thread that reads disks: synchronous calls are several times cheaper than the pool's, and block nobody here.

const filesPerBatch = 2000
const racyMs = 50

type Post = (batch: DirectoryBatch) => void
type Request<K extends DiskRequest['kind']> = Extract<DiskRequest, { kind: K }>

async function answer(request: DiskRequest, post: Post): Promise<unknown> {
  switch (request.kind) {
    case 'scan':
      return await scan(request, post)
    case 'look':
      return request.names.map((name) => [name, look(join(request.root, request.directory, name))])
    case 'times':
      return request.directories.map((directory) => directoryTime(join(request.root, directory)))
    case 'describe':
      return await describe(request)
    case 'digest':
      return await digest(request)
  }
}

async function scan({ root, directory, isRecursive }: Request<'scan'>, post: Post): Promise<void> {
  const pending = [directory]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const folders = readDirectory(root, next, post)
    const isDeepest = next.split('/').length >= maxDepth
    if (isRecursive && !isDeepest) pending.push(...folders.map((folder) => joinPath(next, folder)))
    await setImmediate()
  }
}

function readDirectory(root: string, directory: string, post: Post): readonly string[] {
  const path = join(root, directory)
  const time = directoryTime(path)
  try {
    const entries = readdirSync(path, { withFileTypes: true }).filter((entry) => isVisibleName(entry.name))
    const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
    const names = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map((entry) => entry.name)
    for (let start = 0; start === 0 || start < names.length; start += filesPerBatch) {
      const files = names.slice(start, start + filesPerBatch).flatMap((name) => fileEntry(path, name))
      const isFirst = start === 0
      const isLast = start + filesPerBatch >= names.length
      post({ directory, isFirst, isLast, time, files, folders: isFirst ? folders : [] })
    }
    return folders
  } catch (error) {
    const problem = errorCode(error) ?? errorMessage(error)
    post({ directory, isFirst: true, isLast: true, time: '', files: [], folders: [], problem })
    return []
  }
}

function fileEntry(folder: string, name: string): readonly (readonly [string, FileState])[] {
  const state = look(join(folder, name))
  return typeof state === 'object' ? [[name, state]] : []
}

function directoryTime(path: string): string {
  try {
    const stat = statSync(path, { bigint: true })
    // A change in the same clock tick as the read would not show in the time: read once more later.
    const isFresh = Date.now() - Number(stat.mtimeNs / 1_000_000n) < racyMs
    // With the time of birth, for a new directory may get the inode of the one that was removed.
    return `${stat.dev}:${stat.ino}:${stat.birthtimeNs}:${isFresh ? '' : stat.mtimeNs}`
  } catch {
    // Reading it will tell why.
    return ''
  }
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

/** A link that leads nowhere sensible is no file; for anything else a failure must not look like absence. */
function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false
}

async function describe({ path, parsed }: Request<'describe'>): Promise<Description> {
  const fd = openFile(path)
  try {
    const stat = fstatSync(fd, { bigint: true })
    const found = await readDistributionMetadata(fileSource(fd, Number(stat.size)), parsed)
    return { identity: fileIdentity(stat), ...found, ...(await describeMetadata(found.metadata)) }
  } finally {
    closeSync(fd)
  }
}

async function describeMetadata(metadata: Uint8Array | undefined): Promise<Partial<Description>> {
  if (metadata === undefined) return {}
  const digester = await createDigester(['sha256'])
  digester.update(metadata)
  const { requiresPython } = parseCoreMetadata(metadata)
  return {
    metadataSha256: digester.finish()['sha256'] ?? '',
    // Clients drop a file, or a page, over a value that they cannot read.
    ...(requiresPython !== undefined && isSpecifierSet(requiresPython) && { requiresPython }),
  }
}

async function digest({ path, filename, algorithms }: Request<'digest'>): Promise<FileDigest> {
  const fd = openFile(path)
  try {
    const stat = fstatSync(fd, { bigint: true })
    const hashes = await digestFile(path, algorithms, { between: setImmediate })
    const state = await verifyEnd(fileSource(fd, Number(stat.size)), filename)
    const after = statOf(path)
    const isSame = after !== undefined && fileIdentity(after) === fileIdentity(stat)
    return { identity: isSame ? fileIdentity(stat) : '', state, hashes }
  } finally {
    closeSync(fd)
  }
}

function openFile(path: string): number {
  // Without O_NONBLOCK a FIFO that took the file's place would block the thread for ever.
  return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
}

parentPort?.on('message', ({ id, request }: { id: number; request: DiskRequest }) => {
  const post = (batch: DirectoryBatch): void => parentPort?.postMessage({ id, batch })
  answer(request, post).then(
    (value) => parentPort?.postMessage({ id, value }),
    (error: unknown) =>
      parentPort?.postMessage({ id, error: { code: errorCode(error), message: errorMessage(error) } }),
  )
})
