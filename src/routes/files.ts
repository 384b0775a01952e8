import type { DistributionFile, FilePart, OpenedFile, OpenFileOptions } from '../backend.js'
import { PypiServerError } from '../errors.js'
import { contentRange, parseRange } from '../http/byte-range.js'
import { formatEtag, httpDate, isNotModified } from '../http/conditional.js'
import { contentTypeOf } from '../http/content-type.js'
import type { Call, Headers, Reply } from '../http/message.js'
import { discardBody } from '../util/byte-reader.js'
import { repeatable } from '../util/repeatable.js'
import type { Access, Services } from './route.js'

/** Suffixes that name a part standing beside a file (PEP 658, PEP 503). */
const suffixes: readonly (readonly [suffix: string, part: FilePart])[] = [
  ['', 'content'],
  ['.metadata', 'metadata'],
  ['.asc', 'signature'],
]

/** A distribution file, its core metadata or its signature, whole or in part, for who may download its project. */
export async function downloadFile(call: Call, services: Services, access: Access): Promise<Reply> {
  const path = call.params['*'] ?? ''
  const found = await findPart(path, services)
  if (found !== undefined) await access.require('download', found.file.project)
  const opened = found && (await open(call, services, found))
  if (found === undefined || opened === undefined) {
    throw new PypiServerError('ERR_PYPI_NOT_FOUND', `${repeatable(path, 'a file of this name')} does not exist`)
  }
  return await describe(
    call,
    services,
    opened,
    found.part === 'metadata' ? 'application/octet-stream' : contentTypeOf(path),
  )
}

interface FoundPart {
  readonly file: DistributionFile
  readonly part: FilePart
}

async function findPart(path: string, { index }: Services): Promise<FoundPart | undefined> {
  for (const [suffix, part] of suffixes) {
    if (!path.endsWith(suffix)) continue
    const file = await index.file(path.slice(0, path.length - suffix.length))
    if (file !== undefined) return { file, part }
  }
  return undefined
}

async function open(call: Call, { backend }: Services, { file, part }: FoundPart): Promise<OpenedFile | undefined> {
  const range = parseRange(call.headers['range'])
  const ifRange = call.headers['if-range']
  const options: OpenFileOptions = {
    part,
    signal: call.signal,
    ...(range && { range }),
    ...(ifRange !== undefined && { ifRange }),
  }
  if (!call.isHead && !isConditional(call)) return await backend.openFile(file, options)
  // Preconditions come before ranges (RFC 9110 section 13.2.2): whoever has the bytes needs no body.
  const whole = await backend.openFile(file, { part, signal: call.signal, describeOnly: true })
  if (whole === undefined || isUnchanged(call, whole)) return whole
  return await backend.openFile(file, { ...options, describeOnly: call.isHead })
}

async function describe(call: Call, services: Services, opened: OpenedFile, contentType: string): Promise<Reply> {
  const { size, range, etag, modifiedMs, body } = opened
  const validators: Headers = {
    etag: formatEtag(etag),
    'last-modified': httpDate(modifiedMs),
    'accept-ranges': 'bytes',
    'cache-control': cacheControl(services),
  }
  if (isUnchanged(call, opened)) {
    await discardBody(body)
    return { status: 304, headers: validators }
  }
  if (body !== undefined && 'redirect' in body) return { status: 302, headers: { location: body.redirect } }
  const headers: Headers = {
    ...validators,
    'content-type': contentType,
    'content-length': String(range === undefined ? size : range.end - range.start + 1),
    // A file that a browser is talked into opening must not run.
    'content-security-policy': "default-src 'none'; sandbox",
    ...(range && { 'content-range': contentRange(range, size) }),
  }
  return { status: range === undefined ? 200 : 206, headers, ...(body && { body }) }
}

function isConditional({ headers }: Call): boolean {
  return headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined
}

function isUnchanged(call: Call, validators: OpenedFile): boolean {
  if (!isConditional(call)) return false
  const { 'if-none-match': ifNoneMatch, 'if-modified-since': ifModifiedSince } = call.headers
  return isNotModified({ ifNoneMatch, ifModifiedSince }, validators)
}

function cacheControl({ cacheControl: seconds, isPrivate }: Services): string {
  const scope = isPrivate('download') ? 'private' : 'public'
  return seconds === undefined ? `${scope}, no-cache` : `${scope}, max-age=${seconds}`
}
