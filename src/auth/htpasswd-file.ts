import { createHash } from 'node:crypto'
import { type BigIntStats, createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { errorMessage, PypiServerError } from '../errors.js'
import type { Logger } from '../logger.js'
import { type HtpasswdTable, parseHtpasswd } from './htpasswd-table.js'

/** Bytes; a larger password file is refused. */
export const maxHtpasswdBytes = 1024 * 1024

/** A password file, read again whenever it changes. */
export interface HtpasswdFile {
  /**
   * The table that the file holds now: costs one `stat` while it does not change. There is no last good table: half a
   * file that an editor is still writing must never grant.
   *
   * @throws ERR_PYPI_AUTH_UNAVAILABLE while the file is missing, unreadable, too large or malformed.
   */
  current(): Promise<HtpasswdTable>
}

export interface HtpasswdFileOptions {
  readonly logger: Logger
  /** Called after other content was read. */
  readonly onChange: () => void
}

interface Loaded {
  /** Absent while the file is so young that another change might leave its time stamps as they are. */
  readonly version: string | undefined
  readonly digest: string
  readonly outcome: Outcome
}

type Outcome = HtpasswdTable | PypiServerError

// The coarsest time stamps in use (FAT) have two seconds.
const settledAfterMs = 2000
const maxNamedInLog = 50

/** Touches nothing until the first `current()`. Problems, their end, and lines without effect are logged once, not per call. */
export function htpasswdFile(path: string, options: HtpasswdFileOptions): HtpasswdFile {
  const { onChange } = options
  const log = fileLog(path, options.logger)
  let loaded: Loaded | undefined
  let loading: { readonly version: string; readonly result: Promise<Loaded> } | undefined

  async function refresh(): Promise<Loaded> {
    const stats = await readable(path)
    const version = versionOf(stats)
    if (loaded?.version === version) return loaded
    // Joined only under the same version: whoever comes after a change gets that change.
    if (loading?.version !== version) loading = { version, result: load(stats) }
    const mine = loading
    try {
      return await mine.result
    } finally {
      if (loading === mine) loading = undefined
    }
  }

  async function load(stats: BigIntStats): Promise<Loaded> {
    const version = isSettled(stats) ? versionOf(stats) : undefined
    const bytes = await read(path)
    const digest = createHash('sha256').update(bytes).digest('hex')
    if (loaded?.digest === digest) {
      loaded = { ...loaded, version }
      return loaded
    }
    loaded = { version, digest, outcome: parse(path, bytes) }
    onChange()
    log.entries(loaded.outcome)
    return loaded
  }

  async function current(): Promise<HtpasswdTable> {
    const outcome = await refresh().then(
      (fresh) => fresh.outcome,
      (error: unknown) => unavailable(path, errorMessage(error), error),
    )
    log.state(outcome)
    if (outcome instanceof PypiServerError) throw outcome
    return outcome
  }

  return { current }
}

interface FileLog {
  entries(outcome: Outcome): void
  state(outcome: Outcome): void
}

function fileLog(path: string, logger: Logger): FileLog {
  let lastProblem: string | undefined
  return {
    entries: (outcome) => {
      if (outcome instanceof PypiServerError || outcome.warnings.length === 0) return
      const { warnings } = outcome
      const details = { path, count: warnings.length, entries: warnings.slice(0, maxNamedInLog) }
      logger.warn(details, 'password file has entries without effect')
    },
    state: (outcome) => {
      const error = outcome instanceof PypiServerError ? outcome : undefined
      if (error?.message === lastProblem) return
      lastProblem = error?.message
      if (error === undefined) logger.info({ path }, 'password file is in use again')
      else logger.error({ path, err: error }, 'password file cannot be used: logins are answered 503')
    },
  }
}

async function readable(path: string): Promise<BigIntStats> {
  const stats = await stat(path, { bigint: true })
  // Opening a FIFO would wait for a writer, on a thread that the whole process shares.
  if (!stats.isFile()) throw new Error('not a regular file')
  if (stats.size > maxHtpasswdBytes) throw tooLarge()
  return stats
}

async function read(path: string): Promise<Buffer> {
  // `end` is inclusive: one byte more than allowed tells that there is more.
  const bytes = await buffer(createReadStream(path, { end: maxHtpasswdBytes }))
  if (bytes.length > maxHtpasswdBytes) throw tooLarge()
  return bytes
}

function versionOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs, ctimeNs].join(':')
}

// The change time, which nobody can set back, unlike the modification time.
function isSettled({ ctimeMs }: BigIntStats): boolean {
  return Date.now() - Number(ctimeMs) > settledAfterMs
}

function parse(path: string, bytes: Buffer): Outcome {
  const text = decode(bytes)
  if (text === undefined) return unavailable(path, 'not UTF-8')
  const table = parseHtpasswd(text)
  return typeof table === 'number' ? unavailable(path, `line ${table} is not user:hash`) : table
}

function decode(bytes: Buffer): string | undefined {
  try {
    // Without `ignoreBOM`, which means the opposite of its name, a BOM is dropped.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function tooLarge(): Error {
  return new Error(`larger than ${maxHtpasswdBytes} bytes`)
}

function unavailable(path: string, reason: string, cause?: unknown): PypiServerError {
  const message = `password file ${path} cannot be used: ${reason}`
  return new PypiServerError('ERR_PYPI_AUTH_UNAVAILABLE', message, { cause })
}
