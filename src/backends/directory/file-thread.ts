import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { setPriority } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { fileSource } from '../../archive/byte-source.js'
import { readDistributionMetadata, verifyEnd } from '../../archive/distribution-metadata.js'
import { createDigester, digestFile } from '../../digests/digest.js'
import { errorCode, errorMessage } from '../../errors.js'
import { parseCoreMetadata } from '../../packaging/core-metadata.js'
import { isSpecifierSet } from '../../packaging/specifier.js'
import { answerWith } from './answering.js'
import type { Description, DiskRequest, FileDigest, InspectedFile } from './disk-protocol.js'
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
  for (const { path, parsed } of files) {
    try {
      const { metadata: _, ...description } = await describe({ kind: 'describe', path, parsed })
      found.push({
        description,
        digest: await digest({ kind: 'digest', path, filename: parsed.filename, algorithms }),
      })
    } catch (error) {
      found.push({ code: errorCode(error), message: errorMessage(error) })
    }
  }
  return found
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
