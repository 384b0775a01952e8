import { createHash } from 'node:crypto'
import { type BigIntStats, createReadStream, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { errorCode, errorMessage, PypiServerError } from '../errors.js'
import type { Logger } from '../logger.js'
import { createLocalFiles } from '../util/local-files.js'
import { turnMemory } from '../util/turn-memory.js'

/** A text file whose meaning is read again whenever it changes. */
export interface WatchedFile<T> {
  /**
   * What the file says now: costs one `stat` while it does not change. There is no last good reading: half a file that
   * an editor is still writing must never grant.
   *
   * @throws ERR_PYPI_AUTH_UNAVAILABLE while the file is missing, unreadable, too large, not UTF-8 or malformed,
   * ERR_PYPI_CLOSED after `close`.
   */
  current(): Promise<T>
  /**
   * What `current` would fulfil with, when that can be told without waiting for anybody: for a file on a local file system
   * that stands there as it was read. `undefined` sends the asker to `current`.
   */
  atHand(): T | undefined
  /** Forgets what was read. Idempotent. */
  close(): void
}

export interface WatchedFileOptions<T> {
  /** What it is called in messages, such as `password file`. */
  readonly noun: string
  /** Bytes; a larger file is refused. */
  readonly maxBytes: number
  /** What a text means; the message of what it throws says where the text is malformed. */
  readonly parse: (text: string) => T
  /** What is meant by there being no file. @default that nobody can tell */
  readonly ifMissing?: T
  readonly logger: Logger
  /** Called after other content was read; `undefined` for content that is malformed. */
  readonly onChange?: (value: T | undefined) => void
}

type Outcome<T> = { readonly value: T } | PypiServerError

interface Loaded<T> {
  /** Absent while the file is so young that another change might leave its time stamps as they are. */
  readonly stats: BigIntStats | undefined
  readonly digest: string
  readonly outcome: Outcome<T>
}

// The coarsest time stamps in use (FAT) have two seconds.
const settledAfterMs = 2000

/** Touches nothing until the first `current()`. A problem and its end are logged once each, not once per call. */
export function watchedFile<T>(path: string, options: WatchedFileOptions<T>): WatchedFile<T> {
  const log = stateLog(path, options)
  let loaded: Loaded<T> | undefined
  let loading: { readonly stats: BigIntStats; readonly result: Promise<Loaded<T>> } | undefined
  const localFiles = createLocalFiles()
  const looks = turnMemory<BigIntStats>()
  let isClosed = false

  async function refresh(): Promise<Outcome<T>> {
    const stats = await readable(path, options.maxBytes)
    if (loaded?.stats !== undefined && isSame(loaded.stats, stats)) return loaded.outcome
    // Joined only under the same version: whoever comes after a change gets that change.
    const mine = loading !== undefined && isSame(loading.stats, stats) ? loading : { stats, result: load(stats) }
    loading = mine
    try {
      return (await mine.result).outcome
    } finally {
      if (loading === mine) loading = undefined
    }
  }

  async function load(stats: BigIntStats): Promise<Loaded<T>> {
    const settled = isSettled(stats) ? stats : undefined
    const bytes = await read(path, options.maxBytes)
    const digest = createHash('sha256').update(bytes).digest('hex')
    if (loaded?.digest === digest) {
      loaded = { ...loaded, stats: settled }
      return loaded
    }
    loaded = { stats: settled, digest, outcome: interpret(path, bytes, options) }
    options.onChange?.(loaded.outcome instanceof PypiServerError ? undefined : loaded.outcome.value)
    return loaded
  }

  async function current(): Promise<T> {
    if (isClosed) throw new PypiServerError('ERR_PYPI_CLOSED', `${options.noun} ${path} is closed`)
    const outcome = await refresh().catch((error: unknown) => withoutContent(path, error, options))
    log(outcome)
    if (outcome instanceof PypiServerError) throw outcome
    return outcome.value
  }

  function atHand(): T | undefined {
    if (isClosed || loaded?.stats === undefined || loaded.outcome instanceof PypiServerError) return undefined
    if (looks.get(path) !== loaded.stats) {
      if (!localFiles.has(path, loaded.stats.dev) || !stillIs(path, loaded.stats)) return undefined
      looks.set(path, loaded.stats)
      log(loaded.outcome)
    }
    return loaded.outcome.value
  }

  function close(): void {
    isClosed = true
    loaded = undefined
  }

  return { current, atHand, close }
}

function stateLog<T>(path: string, { noun, logger }: WatchedFileOptions<T>): (outcome: Outcome<T>) => void {
  let lastProblem: string | undefined
  return (outcome) => {
    const error = outcome instanceof PypiServerError ? outcome : undefined
    if (error?.message === lastProblem) return
    lastProblem = error?.message
    if (error === undefined) logger.info({ path }, `${noun} is in use again`)
    else
      logger.error(
        { path, reason: errorMessage(error.cause), err: error },
        `${noun} cannot be used: whoever needs it is answered 503`,
      )
  }
}

function interpret<T>(path: string, bytes: Buffer, { noun, parse }: WatchedFileOptions<T>): Outcome<T> {
  try {
    return { value: parse(decode(bytes)) }
  } catch (error) {
    return unavailable(noun, path, error)
  }
}

function withoutContent<T>(path: string, error: unknown, { noun, ifMissing }: WatchedFileOptions<T>): Outcome<T> {
  if (errorCode(error) === 'ENOENT' && ifMissing !== undefined) return { value: ifMissing }
  return unavailable(noun, path, error)
}

function unavailable(noun: string, path: string, cause: unknown): PypiServerError {
  const message = `${noun} ${path} cannot be used: ${errorMessage(cause)}`
  return new PypiServerError('ERR_PYPI_AUTH_UNAVAILABLE', message, { cause })
}

async function readable(path: string, maxBytes: number): Promise<BigIntStats> {
  const stats = await stat(path, { bigint: true })
  // Opening a FIFO would wait for a writer, on a thread that the whole process shares.
  if (!stats.isFile()) throw new Error('not a regular file')
  if (stats.size > maxBytes) throw tooLarge(maxBytes)
  return stats
}

async function read(path: string, maxBytes: number): Promise<Buffer> {
  // `end` is inclusive: one byte more than allowed tells that there is more.
  const bytes = await buffer(createReadStream(path, { end: maxBytes }))
  if (bytes.length > maxBytes) throw tooLarge(maxBytes)
  return bytes
}

function stillIs(path: string, stats: BigIntStats): boolean {
  try {
    // Synchronous: a trip to the thread pool takes ten times as long, and what is asked here is in the kernel's memory.
    return isSame(stats, statSync(path, { bigint: true }))
  } catch {
    // Whoever asks for good learns why.
    return false
  }
}

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  if (one.dev !== other.dev || one.ino !== other.ino || one.size !== other.size) return false
  return one.mtimeNs === other.mtimeNs && one.ctimeNs === other.ctimeNs
}

// The change time, which nobody can set back, unlike the modification time.
function isSettled({ ctimeMs }: BigIntStats): boolean {
  return Date.now() - Number(ctimeMs) > settledAfterMs
}

function decode(bytes: Buffer): string {
  try {
    // Without `ignoreBOM`, which means the opposite of its name, a BOM is dropped.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new Error('not UTF-8', { cause })
  }
}

function tooLarge(maxBytes: number): Error {
  return new Error(`larger than ${maxBytes} bytes`)
}
