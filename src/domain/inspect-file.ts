import { closeSync, openSync } from 'node:fs'
import { type ByteSource, fileSource, memorySource } from '../archive/byte-source.js'
import { type InspectedArchive, type InspectionOptions, inspectArchive } from '../archive/inspection.js'
import { readZipDirectory } from '../archive/zip.js'
import type { ParsedFilename } from '../packaging/filename.js'

/** A file to be looked into, as it is sent to the inspection thread. */
export interface InspectionRequest extends InspectionOptions {
  /** Absolute. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** All of it, if it is in memory; then the file itself is not read. */
  readonly bytes?: Uint8Array
  /** `documentation`: a zip with an `index.html`, which is no distribution file. */
  readonly parsed: ParsedFilename | 'documentation'
}

/** What the inspection thread answers. */
export type InspectionAnswer =
  | { readonly found: InspectedArchive }
  | { readonly error: { readonly code: string | undefined; readonly message: string } }

/**
 * Looks into a file, in whatever thread this is called.
 * @throws `ERR_PYPI_BAD_ARCHIVE` when it is to be refused; errors of the file system
 */
export async function inspectFile(request: InspectionRequest): Promise<InspectedArchive> {
  const { path, size, bytes } = request
  if (bytes !== undefined) return await inspectSource(memorySource(bytes), request)
  const fd = openSync(path, 'r')
  try {
    return await inspectSource(fileSource(fd, size), request)
  } finally {
    closeSync(fd)
  }
}

async function inspectSource(
  source: ByteSource,
  { parsed, ...options }: Pick<InspectionRequest, 'parsed' | keyof InspectionOptions>,
): Promise<InspectedArchive> {
  if (parsed !== 'documentation') return await inspectArchive(source, parsed, options)
  const { members } = readZipDirectory(source, { maxMembers: options.limits.maxArchiveMembers })
  const hasIndex = members.some(({ name }) => name === 'index.html')
  return hasIndex ? {} : { problem: 'not a zip file with an index.html at its top' }
}
