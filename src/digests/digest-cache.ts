import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { appendFile, mkdir, rename, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorMessage, undefinedIf } from '../errors.js'
import type { Logger } from '../logger.js'
import { slices } from '../util/slices.js'

/**
 * What was found out about files, remembered across restarts under each file's path and identity (inode, size, times).
 * Only a cache: losing the file costs computing again, a damaged line is skipped, a changed file is not found.
 */
export interface DigestCache<T> {
  /** What was remembered for exactly this state of the file. */
  readonly get: (path: string, identity: string) => T | undefined
  /** Whether nothing is remembered in memory: then nothing will be found. */
  readonly isEmpty: () => boolean
  readonly set: (path: string, identity: string, value: T) => void
  /** Forgets what was remembered for paths that `keep` refuses, then rewrites the file when much of it is outdated. */
  readonly compact: (keep: (path: string) => boolean) => Promise<void>
  /** Lets go of what is remembered in memory: from now on nothing is found, and what is set is only written. */
  readonly release: () => void
  /** How many values stand in the file, outdated ones included. */
  readonly written: () => number
  /**
   * Begins a new file: what stood in the old one is about to be kept elsewhere. The old one counts until the function that
   * this fulfils with is called.
   */
  readonly rotate: () => Promise<() => Promise<void>>
  /** Writes what is not written yet; what cannot be written waits for the next time, up to ten thousand values. */
  readonly flush: () => Promise<void>
}

interface Entry<T> {
  readonly identity: string
  readonly value: T
}

/** Reads the cache at `path`, an append-only file of one JSON document a line, each with a checksum in front. */
export async function openDigestCache<T>(path: string, logger: Logger): Promise<DigestCache<T>> {
  const entries = new Map<string, Entry<T>>()
  const oldPath = `${path}.old`
  let lines = (await load(oldPath, entries)) + (await load(path, entries))
  let unwritten: string[] = []
  let writing: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const trouble = createTrouble(path, logger)
  let isReleased = false

  function write(task: () => Promise<void>): Promise<void> {
    writing = writing.then(task).then(trouble.hasEnded, trouble.tell)
    return writing
  }

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const due = unwritten
    unwritten = []
    if (due.length === 0) return writing
    return write(() =>
      append(path, due.join('')).catch((error: unknown) => {
        // With the next ones: a disk does not stay full.
        unwritten = [...due, ...unwritten].slice(-maxUnwritten)
        throw error
      }),
    )
  }

  return {
    get: (file, identity) => {
      const entry = entries.get(file)
      return entry?.identity === identity ? entry.value : undefined
    },
    isEmpty: () => entries.size === 0,
    set: (file, identity, value) => {
      if (!isReleased) entries.set(file, { identity, value })
      lines += 1
      unwritten.push(formatLine(file, identity, value))
      timer ??= setTimeout(() => void flush(), 200).unref()
    },
    compact: async (keep) => {
      for await (const files of slices([...entries.keys()], linesPerSlice))
        for (const file of files) if (!keep(file)) entries.delete(file)
      if (lines <= 2 * entries.size + 100) return
      await flush()
      lines = entries.size
      await write(() => rewrite(path, entries))
    },
    release: () => {
      isReleased = true
      entries.clear()
    },
    written: () => lines,
    rotate: async () => {
      await flush()
      // One that is there is of a rotation that was cut off, and waits for the next one to end.
      const isThere = (await stat(oldPath).catch(undefinedIf('ENOENT'))) !== undefined
      if (!isThere) await rename(path, oldPath).catch(undefinedIf('ENOENT'))
      const before = lines
      return async () => {
        await unlink(oldPath).catch(undefinedIf('ENOENT'))
        lines -= before
      }
    },
    flush,
  }
}

/** Tells of failures, once for those in a row. */
function createTrouble(
  path: string,
  logger: Logger,
): { readonly tell: (error: unknown) => void; readonly hasEnded: () => void } {
  let isTold = false
  return {
    tell: (error) => {
      const reason = errorMessage(error)
      if (!isTold) logger.warn({ path, reason }, 'digests cannot be remembered for the next start')
      isTold = true
    },
    hasEnded: () => {
      isTold = false
    },
  }
}

async function append(path: string, text: string): Promise<void> {
  // Not its parents: what stands there may have been unmounted, and must not come back empty.
  await mkdir(dirname(path)).catch(undefinedIf('EEXIST'))
  // A line that a crash cut off must not take the next one with it.
  await appendFile(path, `\n${text}`)
}

async function rewrite<T>(path: string, entries: ReadonlyMap<string, Entry<T>>): Promise<void> {
  const temporary = `${path}.${process.pid}.new`
  await writeFile(temporary, linesOf(entries))
  await rename(temporary, path)
}

async function* linesOf<T>(entries: ReadonlyMap<string, Entry<T>>): AsyncGenerator<string> {
  for await (const some of slices([...entries], linesPerSlice))
    yield some.map(([file, { identity, value }]) => formatLine(file, identity, value)).join('')
}

async function load<T>(path: string, entries: Map<string, Entry<T>>): Promise<number> {
  let count = 0
  const take = (line: string): void => {
    if (line === '') return
    count += 1
    const parsed = parseDigestLine<T>(line)
    if (parsed !== undefined) entries.set(parsed[0], { identity: parsed[1], value: parsed[2] })
  }
  let rest = ''
  try {
    // A part at a time: after very many files have changed it is as large as all that is known of them.
    for await (const part of createReadStream(path, { encoding: 'utf8' }) as AsyncIterable<string>) {
      const lines = (rest + part).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) take(line)
    }
    take(rest)
  } catch {
    // Whatever cannot be read is as good as not remembered.
  }
  return count
}

function formatLine(file: string, identity: string, value: unknown): string {
  const json = JSON.stringify([file, identity, value])
  return `${checksum(json)} ${json}\n`
}

/** What stands in a line; `undefined` for one that is damaged. */
export function parseDigestLine<T>(line: string): [string, string, T] | undefined {
  const json = line.slice(checksumLength + 1)
  if (line.slice(0, checksumLength) !== checksum(json)) return undefined
  return JSON.parse(json) as [string, string, T]
}

const checksumLength = 8
const linesPerSlice = 200
// Some MiB, for what nobody misses but the next start.
const maxUnwritten = 10_000

function checksum(text: string): string {
  return createHash('md5').update(text).digest('hex').slice(0, checksumLength)
}
