import type { Inspection } from './catalogue.js'
import * as row from './file-rows.js'

/** What was found out about files, as it stands in their rows. */
export interface Inspections {
  readonly read: (address: number) => Inspection | undefined
  readonly write: (address: number, inspection: Inspection) => void
  readonly clear: (address: number) => void
  /** Every `Requires-Python` so far, in the order of its number. */
  readonly specifiers: () => readonly string[]
  readonly specifierId: (specifier: string) => number
  readonly isTruncated: (address: number) => boolean
}

const states = ['complete', 'truncated', 'unreadable', 'unknown'] as const
const stateMask = 3 << row.archiveStateShift

/** Reads and writes what rows hold of the insides of files: digests of these algorithms, `sha256` first. */
export function createInspections(rows: row.FileRows, [, extra]: readonly string[]): Inspections {
  const specifiers = createStrings()

  function digestAt(address: number, field: number): string {
    const start = rows.byteAt(address, field)
    return rows.chunkOf(address).bytes.toString('hex', start, start + 32)
  }

  function setDigest(address: number, field: number, hex: string): void {
    rows.chunkOf(address).bytes.write(hex, rows.byteAt(address, field), 'hex')
  }

  function hashesOf(address: number): Record<string, string> {
    const sha256 = digestAt(address, row.sha256)
    return extra === undefined ? { sha256 } : { sha256, [extra]: rows.extraOf(address).toString('hex') }
  }

  function archiveState(address: number): Inspection['state'] {
    return states[(rows.get(address, row.flags) >>> row.archiveStateShift) & 3] ?? 'unknown'
  }

  return {
    read: (address) => {
      if (!rows.has(address, row.isDescribed)) return undefined
      const requiresPython = specifiers.text(rows.get(address, row.requiresPythonId))
      return {
        state: archiveState(address),
        ...(rows.has(address, row.hasMetadata) && { metadataSha256: digestAt(address, row.metadataSha256) }),
        ...(requiresPython !== '' && { requiresPython }),
        ...(rows.has(address, row.isDigested) && { hashes: hashesOf(address) }),
      }
    },
    write: (address, { state, metadataSha256, requiresPython, hashes }) => {
      const bits = rows.get(address, row.flags) & ~(stateMask | row.hasMetadata | row.isDigested)
      const isDigested = hashes !== undefined && (extra === undefined || hashes[extra] !== undefined)
      rows.set(
        address,
        row.flags,
        bits |
          row.isDescribed |
          (states.indexOf(state) << row.archiveStateShift) |
          (metadataSha256 === undefined ? 0 : row.hasMetadata) |
          (isDigested ? row.isDigested : 0),
      )
      rows.set(address, row.requiresPythonId, specifiers.id(requiresPython ?? ''))
      if (metadataSha256 !== undefined) setDigest(address, row.metadataSha256, metadataSha256)
      if (hashes?.['sha256'] !== undefined) setDigest(address, row.sha256, hashes['sha256'])
      if (extra !== undefined && isDigested) rows.setExtra(address, Buffer.from(hashes[extra] ?? '', 'hex'))
    },
    clear: (address) => {
      rows.set(address, row.flags, rows.get(address, row.flags) & (row.isLive | row.isDistribution | row.isHeld))
      rows.set(address, row.requiresPythonId, 0)
    },
    specifiers: specifiers.all,
    specifierId: specifiers.id,
    isTruncated: (address) => rows.has(address, row.isDescribed) && archiveState(address) === 'truncated',
  }
}

interface Strings {
  readonly all: () => readonly string[]
  readonly id: (text: string) => number
  readonly text: (id: number) => string
}

/** Numbers for texts; few different ones stand in very many files, and none is ever forgotten. */
function createStrings(): Strings {
  const texts = ['']
  const ids = new Map([['', 0]])
  return {
    all: () => texts,
    id: (text) => {
      const known = ids.get(text)
      if (known !== undefined) return known
      ids.set(text, texts.length)
      return texts.push(text) - 1
    },
    text: (id) => texts[id] ?? '',
  }
}
