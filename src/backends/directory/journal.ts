import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { NormalizedName } from '../../backend.js'
import { undefinedIf } from '../../errors.js'
import { whileLocked } from '../../util/lock-file.js'
import { slices } from '../../util/slices.js'
import { syncDirectory } from '../../util/sync-directory.js'

/** The last change of one project. */
export interface JournalEntry {
  readonly serial: number
  readonly project: NormalizedName
  /** Of all that the project showed then; equal fingerprints mean that nothing has changed since. */
  readonly fingerprint: string
  /** Whole seconds since the epoch. */
  readonly time: number
  /** How many files it had then. */
  readonly fileCount: number
  readonly action: string
}

/** A file of changes, one a line, that several processes append to; only the last line of each project counts. */
export interface Journal {
  /** Reads what was appended since the last read, by whichever process; `onEntry` hears of each. */
  readonly refresh: (onEntry: (entry: JournalEntry) => void) => Promise<void>
  /**
   * Refreshes, asks what to append while no other process appends, and appends it; durable when it fulfils. `all` is asked
   * for every project's last entry by rising serial when the file is missing or mostly outdated: then it is written anew.
   */
  readonly append: (
    onEntry: (entry: JournalEntry) => void,
    compose: () => readonly JournalEntry[],
    all: () => ReadonlyMap<NormalizedName, JournalEntry>,
  ) => Promise<void>
}

const spareLines = 1000
const linesPerSlice = 1000

/**
 * A journal at this path, which need not exist yet; `ensureFolder` makes its directory. One that was there and is no more
 * is not begun anew, and nothing can be appended until it is back: the directory may be the mount point of a disk that is
 * gone, whose projects were not removed.
 */
export function openJournal(path: string, ensureFolder: () => Promise<void>): Journal {
  let wasThere = false
  // What was read so far: of which file, up to where, and how many lines.
  let inode = ''
  let offset = 0
  let lines = 0

  async function refresh(onEntry: (entry: JournalEntry) => void): Promise<boolean> {
    const found = await stat(path, { bigint: true }).catch(undefinedIf('ENOENT'))
    if (found === undefined) return false
    wasThere = true
    const current = `${found.dev}:${found.ino}`
    if (current !== inode || Number(found.size) < offset) [inode, offset, lines] = [current, 0, 0]
    if (Number(found.size) === offset) return true
    let rest: Buffer = Buffer.alloc(0)
    for await (const chunk of createReadStream(path, { start: offset }) as AsyncIterable<Buffer>) {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      // A line without an end is still being written, or was cut off: then the next line begins with a line feed.
      const end = bytes.lastIndexOf(0x0a) + 1
      for (const line of bytes.toString('utf8', 0, end).split('\n')) {
        lines += 1
        const entry = parseLine(line)
        if (entry !== undefined) onEntry(entry)
      }
      offset += end
      rest = bytes.subarray(end)
    }
    return true
  }

  async function rewrite(entries: readonly JournalEntry[]): Promise<void> {
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.new`
    try {
      await writeFile(temporary, textOf(entries), { flag: 'wx', mode: 0o644, flush: true })
      await rename(temporary, path)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
    await syncDirectory(dirname(path))
    wasThere = true
  }

  async function lockedIn(
    prepare: () => Promise<unknown>,
    work: (assertHeld: () => Promise<void>) => Promise<void>,
  ): Promise<void> {
    await prepare()
    await whileLocked(`${path}.lock`, work)
  }

  return {
    refresh: async (onEntry) => void (await refresh(onEntry)),
    append: (onEntry, compose, all) =>
      lockedIn(wasThere ? () => stat(path) : ensureFolder, async (assertHeld) => {
        const isThere = await refresh(onEntry)
        const entries = compose()
        if (entries.length === 0) return
        await assertHeld()
        if (!isThere || lines + entries.length > 2 * all().size + spareLines) {
          const changed = new Set(entries.map(({ project }) => project))
          const kept = [...all().values()].filter(({ project }) => !changed.has(project))
          return await rewrite([...kept, ...entries])
        }
        await appendDurably(path, `\n${entries.map(lineOf).join('')}`)
      }),
  }
}

async function* textOf(entries: readonly JournalEntry[]): AsyncGenerator<string> {
  for await (const some of slices(entries, linesPerSlice)) yield some.map(lineOf).join('')
}

async function appendDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, 'a')
  try {
    await handle.appendFile(text)
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

function lineOf({ serial, project, fingerprint, time, fileCount, action }: JournalEntry): string {
  return `${JSON.stringify([serial, project, fingerprint, time, fileCount, action])}\n`
}

/** A line that a crash cut off, or that is not ours, tells nothing. */
function parseLine(line: string): JournalEntry | undefined {
  if (!line.startsWith('[') || !line.endsWith(']')) return undefined
  try {
    const [serial, project, fingerprint, time, fileCount, action] = JSON.parse(line) as unknown[]
    const entry = { serial, project, fingerprint, time, fileCount, action } as JournalEntry
    const isWhole = Number.isSafeInteger(serial) && typeof project === 'string' && typeof fingerprint === 'string'
    return isWhole ? entry : undefined
  } catch {
    return undefined
  }
}
