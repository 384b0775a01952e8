import type { DistributionFile, FilePart, OpenedFile, OpenFileOptions } from '../backend.js'
import { PypiServerError } from '../errors.js'
import { contentRange, parseRange } from '../http/byte-range.js'
import type { Call, Reply } from '../http/message.js'
import { andThen } from '../util/awaitable.js'
import { discardBody } from '../util/byte-reader.js'
import { repeatable } from '../util/repeatable.js'
import { handOver, isHandedOver } from './hand-over.js'
import { contentHeaders, fileValidators, isConditional, isUnchanged, partSuffixes } from './ready-files.js'
import type { Access, Services } from './route.js'

/** A distribution file, its core metadata or its signature, whole or in part, for who may download its project; at once when it is at hand. */
export function downloadFile(call: Call, services: Services, access: Access): Reply | Promise<Reply> {
  const path = call.params['*'] ?? ''
  const ready = call.headers['range'] === undefined ? services.readyFiles.find(path) : undefined
  if (ready === undefined || (ready.part === 'content' && isHandedOver(call, services)))
    return openedFile(call, services, access)
  const { atHand, whole, notModified } = ready
  const allowed = access.require('download', atHand.file.project)
  return andThen(allowed, () => (isUnchanged(call, atHand.opened) ? notModified : whole))
}

async function openedFile(call: Call, services: Services, access: Access): Promise<Reply> {
  const path = call.params['*'] ?? ''
  const found = await findPart(path, services)
  if (found !== undefined) await access.require('download', found.file.project)
  const handedOver =
    isHandedOver(call, services) && found?.part === 'content' && (await handOver(call, services, found.file))
  if (handedOver) return handedOver
  const opened = found && (await open(call, services, found))
  if (found === undefined || opened === undefined) {
    throw new PypiServerError('ERR_PYPI_NOT_FOUND', `${repeatable(path, 'a file of this name')} does not exist`)
  }
  return await describe(call, services, opened, found.part)
}

interface FoundPart {
  readonly file: DistributionFile
  readonly part: FilePart
}

async function findPart(path: string, { index }: Services): Promise<FoundPart | undefined> {
  for (const [suffix, part] of partSuffixes) {
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

async function describe(
  call: Call,
  { fileCacheControl }: Services,
  opened: OpenedFile,
  part: FilePart,
): Promise<Reply> {
  const { size, range, body } = opened
  const validators = fileValidators(opened, fileCacheControl)
  if (isUnchanged(call, opened)) {
    await discardBody(body)
    return { status: 304, headers: validators }
  }
  if (body !== undefined && 'redirect' in body) return { status: 302, headers: { location: body.redirect } }
  const headers = {
    ...validators,
    ...contentHeaders(call.params['*'] ?? '', part),
    'content-length': String(range === undefined ? size : range.end - range.start + 1),
    ...(range && { 'content-range': contentRange(range, size) }),
  }
  return { status: range === undefined ? 200 : 206, headers, ...(body && { body }) }
}
