import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { setPriority } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { fileSource, memorySource } from '../../archive/byte-source.js'
import { type DistributionKind, readDistributionMetadata, verifyEnd } from '../../archive/distribution-metadata.js'
import { createDigester, digestFile } from '../../digests/digest.js'
import { errorCode, errorMessage } from '../../errors.js'
import { parseCoreMetadata } from '../../packaging/core-metadata.js'
import { isSpecifierSet } from '../../packaging/specifier.js'
import { answerWith } from './answering.js'
import type { Description, DiskRequest, FileDigest, InspectedFile } from './disk-protocol.js'
import { smallFileBytes } from './gathering.js'
import { fileIdentity } from './layout.js'

// A thread that reads files: what it computes must not take turns from the event loop where there are too few cores.

const niceness = 10

type Request<K extends DiskRequest['kind']> = Extract<DiskRequest, { kind: K }>

yieldToOthers()

answerWith(async (request) => {
  switch (request.kind) {
    case 'describe':
      return await describe(request)
    case 'digest':
      return await digest(request)
    case 'inspect':
      return await inspect(request)
    default:
      throw new Error(`${request.kind} is for the other thread`)
  }
})

async function inspect({ files, algorithms }: Request<'inspect'>): Promise<readonly InspectedFile[]> {
  const found: InspectedFile[] = []
  // Of this request alone: others come in between.
  const buffer = Buffer.allocUnsafeSlow(smallFileBytes + 1)
  for (const { path, parsed } of files) {
    try {
      found.push(
        (await inspectSmall({ path, parsed }, { algorithms, buffer })) ??
          (await inspectLarge(path, parsed, algorithms)),
      )
    } catch (error) {
      found.push({ code: errorCode(error), message: errorMessage(error) })
    }
  }
  return found
}

async function inspectLarge(
  path: string,
  parsed: DistributionKind,
  algorithms: readonly string[],
): Promise<InspectedFile> {
  const { metadata: _, ...description } = await describe({ kind: 'describe', path, parsed })
  return { description, digest: await digest({ kind: 'digest', path, filename: parsed.filename, algorithms }) }
}

/** Reads a file once for all that is asked; `undefined` when it is larger than the buffer. */
async function inspectSmall(
  { path, parsed }: Request<'inspect'>['files'][number],
  { algorithms, buffer }: { readonly algorithms: readonly string[]; readonly buffer: Buffer },
): Promise<InspectedFile | undefined> {
  const fd = openFile(path)
  try {
    const identity = fileIdentity(fstatSync(fd, { bigint: true }))
    const bytes = readWhole(fd, buffer)
    if (bytes === undefined) return undefined
    const source = memorySource(bytes)
    const { metadata, ...found } = await readDistributionMetadata(source, parsed)
    const description = { identity, ...found, ...(await describeMetadata(metadata)) }
    const digester = await createDigester(algorithms)
    digester.update(bytes)
    const hashes = digester.finish()
    const state = await verifyEnd(source, parsed.filename)
    return { description, digest: { identity: identity === identityNow(path) ? identity : '', state, hashes } }
  } finally {
    closeSync(fd)
  }
}

function readWhole(fd: number, buffer: Buffer): Buffer | undefined {
  let filled = 0
  for (;;) {
    const count = readSync(fd, buffer, filled, buffer.length - filled, filled)
    if (count === 0) return buffer.subarray(0, filled)
    filled += count
    if (filled === buffer.length) return undefined
  }
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
    const identity = fileIdentity(stat)
    return { identity: identity === identityNow(path) ? identity : '', state, hashes }
  } finally {
    closeSync(fd)
  }
}

/** Empty when that cannot be told, which whoever asked finds out by looking again. */
function identityNow(path: string): string {
  try {
    return fileIdentity(statSync(path, { bigint: true }))
  } catch {
    return ''
  }
}

function yieldToOthers(): void {
  // Elsewhere this would be the priority of the whole process.
  if (process.platform !== 'linux') return
  try {
    setPriority(niceness)
  } catch {
    // Some sandboxes forbid it: then it is only less polite.
  }
}

function openFile(path: string): number {
  // Without O_NONBLOCK a FIFO that took the file's place would block the thread for ever.
  return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
}
