import type { OpenedFile, OpenFileOptions } from '../../backend.js'
import { PypiServerError } from '../../errors.js'
import { describePart } from '../open-bytes.js'
import type { CatalogueFile } from './catalogue.js'
import { type Descriptor, descriptorReader, openDescriptor } from './descriptor.js'
import { type FileCache, type FoundFile, type KeptFile, smallFileBytes } from './file-cache.js'
import { type FileState, fileState } from './layout.js'

/** Names the validator for a state of the file; `undefined` for a state whose bytes are not to be served. */
export type EtagOf = (state: FileState) => string | undefined

/**
 * Opens a file and describes the very bytes that the open descriptor leads to.
 * `undefined` when there is no regular file, when `etagOf` knows none, or when it was written to just now.
 */
export async function openPath(
  path: string,
  cache: FileCache,
  etagOf: EtagOf,
  options: OpenFileOptions,
): Promise<OpenedFile | undefined> {
  const kept = cache.get(path)
  if (kept !== undefined) return openKept(kept, etagOf, options)
  const descriptor = await openDescriptor(path)
  if (descriptor === undefined) return undefined
  try {
    const found = await foundFile(descriptor)
    const etag = found && etagOf(found)
    if (found === undefined || etag === undefined) return undefined
    const opened = describePart({ size: found.size, modifiedMs: found.modifiedMs, etag }, options)
    if (options.describeOnly) return opened
    const fresh = await load(descriptor, found)
    if (fresh === undefined) return undefined
    cache.keep(path, fresh)
    return await openBody(fresh, opened)
  } finally {
    await descriptor.release()
  }
}

/** Validator of the bytes that pages tell of; `undefined` when a file of this identity has others, perhaps half of them. */
export function contentEtag({ state, inspection }: CatalogueFile, identity: string): string | undefined {
  return state.identity === identity ? (inspection?.hashes?.['sha256'] ?? identity) : undefined
}

/** Not asynchronous up to where the descriptor is shared: the cache may close it any time after. */
function openKept(
  kept: KeptFile,
  etagOf: EtagOf,
  options: OpenFileOptions,
): OpenedFile | Promise<OpenedFile> | undefined {
  const etag = etagOf(kept.found)
  if (etag === undefined) return undefined
  const { size, modifiedMs } = kept.found
  const opened = describePart({ size, modifiedMs, etag }, options)
  return options.describeOnly ? opened : openBody(kept, opened)
}

async function foundFile(descriptor: Descriptor): Promise<FoundFile | undefined> {
  const stat = await descriptor.stat()
  return stat.isFile() ? { ...fileState(stat), device: stat.dev } : undefined
}

/** Reads a small file whole; `undefined` when it was written to meanwhile. */
async function load(descriptor: Descriptor, found: FoundFile): Promise<KeptFile | undefined> {
  if (found.size > smallFileBytes) return { found, descriptor }
  // A buffer of its own: a slice of a shared one would keep the whole of that in memory.
  const bytes = Buffer.allocUnsafeSlow(found.size)
  await descriptor.read(bytes, 0)
  return (await isUnwritten(descriptor, found)) ? { found, bytes } : undefined
}

function openBody(file: KeptFile, opened: OpenedFile): OpenedFile {
  if ('bytes' in file) return { ...opened, body: part(file.bytes, opened) }
  const { descriptor, found } = file
  const { start, end } = opened.range ?? { start: 0, end: found.size - 1 }
  descriptor.share()
  const assertUnwritten = async (): Promise<void> => {
    if (await isUnwritten(descriptor, found)) return
    throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', 'the file was written to while it was read')
  }
  return { ...opened, body: descriptorReader(descriptor, { start, length: end - start + 1 }, assertUnwritten) }
}

/** Not by its identity: links to it come and go, and the change time tells of those too. */
async function isUnwritten(descriptor: Descriptor, { size, modifiedMs }: FoundFile): Promise<boolean> {
  const now = fileState(await descriptor.stat())
  return now.size === size && now.modifiedMs === modifiedMs
}

function part(bytes: Uint8Array, { range }: OpenedFile): Uint8Array {
  return range === undefined ? bytes : bytes.subarray(range.start, range.end + 1)
}
