import type { Backend, FileAtHand, FilePart, OpenedFile } from '../backend.js'
import { completeReply } from '../http/complete-reply.js'
import { formatEtag, httpDate, isNotModified } from '../http/conditional.js'
import { contentTypeOf } from '../http/content-type.js'
import type { Call, Headers, Reply } from '../http/message.js'
import { turnMemory } from '../util/turn-memory.js'

/** Replies with whole files that are in memory, each made once for as long as the file is at hand. */
export interface ReadyFiles {
  /** What is served at this path, if the backend has it at hand. */
  readonly find: (path: string) => ReadyFile | undefined
}

/** A part of a file as it is sent. */
export interface ReadyFile {
  readonly part: FilePart
  readonly atHand: FileAtHand
  readonly whole: Reply
  readonly notModified: Reply
}

/** Suffixes that name a part standing beside a file (PEP 658, PEP 503). */
export const partSuffixes: readonly (readonly [suffix: string, part: FilePart])[] = [
  ['', 'content'],
  ['.metadata', 'metadata'],
  ['.asc', 'signature'],
]

/** Replies of this backend; `cacheControl` goes into each. */
export function createReadyFiles(backend: Backend, cacheControl: string): ReadyFiles {
  // By what the backend keeps, so that nothing is held here that it has let go.
  const replies = new WeakMap<FileAtHand, ReadyFile>()
  const found = turnMemory<ReadyFile>()

  function readyFile(path: string, part: FilePart, atHand: FileAtHand): ReadyFile {
    const known = replies.get(atHand)
    if (known !== undefined) return known
    const { opened } = atHand
    const validators = fileValidators(opened, cacheControl)
    const headers = { ...validators, ...contentHeaders(path, part), 'content-length': String(opened.size) }
    const made = {
      part,
      atHand,
      whole: completeReply({ status: 200, headers, body: opened.body }),
      notModified: completeReply({ status: 304, headers: validators }),
    }
    replies.set(atHand, made)
    return made
  }

  function find(path: string): ReadyFile | undefined {
    if (backend.fileAtHand === undefined) return undefined
    const known = found.get(path)
    if (known !== undefined) return known
    for (const [suffix, part] of partSuffixes) {
      if (!path.endsWith(suffix)) continue
      const atHand = backend.fileAtHand(path.slice(0, path.length - suffix.length), part)
      if (atHand === undefined) continue
      const ready = readyFile(path, part, atHand)
      found.set(path, ready)
      return ready
    }
    return undefined
  }

  return { find }
}

/** What tells states of a file apart. */
export function fileValidators({ etag, modifiedMs }: OpenedFile, cacheControl: string): Headers {
  return {
    etag: formatEtag(etag),
    'last-modified': httpDate(modifiedMs),
    'accept-ranges': 'bytes',
    'cache-control': cacheControl,
  }
}

/** What the bytes of a part are. */
export function contentHeaders(path: string, part: FilePart): Headers {
  return {
    'content-type': part === 'metadata' ? 'application/octet-stream' : contentTypeOf(path),
    // A file that a browser is talked into opening must not run.
    'content-security-policy': "default-src 'none'; sandbox",
  }
}

/** Whether the client asks for bytes only if they are others than it has. */
export function isConditional({ headers }: Call): boolean {
  return headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined
}

/** Whether the client has these bytes. */
export function isUnchanged(call: Call, validators: OpenedFile): boolean {
  if (!isConditional(call)) return false
  const { 'if-none-match': ifNoneMatch, 'if-modified-since': ifModifiedSince } = call.headers
  return isNotModified({ ifNoneMatch, ifModifiedSince }, validators)
}

/** How long others may keep files; private when it matters who asks. */
export function fileCacheControl(maxAgeSeconds: number | undefined, scope: 'private' | 'public'): string {
  return maxAgeSeconds === undefined ? `${scope}, no-cache` : `${scope}, max-age=${maxAgeSeconds}`
}
