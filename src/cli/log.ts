import { threadId } from 'node:worker_threads'
import type { Logger } from '../index.js'
import { escapeControlCharacters } from '../util/control-characters.js'
import { failureKeys, traceback } from './log-keys.js'
import { percentFormat } from './percent-format.js'

/** Where lines go, each with its end. */
export interface LineSink {
  readonly write: (text: string) => unknown
}

/** What is logged and how it looks. Formats are Python's. */
export interface LogFormats {
  /** 0 warnings and requests, 1 also what happens, 2 and above everything. */
  readonly verbose: number
  readonly log_frmt: string
  /** Lines are JSON objects instead. @default false */
  readonly log_json?: boolean
  /** @default the message and what is known about it */
  readonly log_err_frmt?: string
}

type Details = Readonly<Record<string, unknown>>

/** As Python numbers them. */
const levels = { debug: 10, info: 20, warn: 30, error: 40 } as const
const levelNames: Readonly<Record<number, string>> = { 10: 'DEBUG', 20: 'INFO', 30: 'WARNING', 40: 'ERROR' }

/** A record before it has its place in the line. */
export interface LogRecord {
  readonly level: number
  readonly name: string
  readonly message: string
  /** What is known besides, for lines that have fields. */
  readonly details?: Details
}

/** A logger that writes lines of this format: a request on one line each, whatever the level. */
export function createLogger(formats: LogFormats, sink: LineSink): Logger {
  const threshold = [levels.warn, levels.info][formats.verbose] ?? 0
  const line = lineWriter(formats, sink)
  const log = (level: number) => (details: Details, text: string) => {
    if (text === 'request') {
      const shown = shortened(details)
      return line({ level, name: 'pypi-server.access', message: accessText(shown), details: shown })
    }
    if (level < threshold) return
    line({ level, name: 'pypi-server', message: messageText(formats, details, text), details })
  }
  return { debug: log(levels.debug), info: log(levels.info), warn: log(levels.warn), error: log(levels.error) }
}

/** Writes records in the line format. What is in a message by then is trusted. */
export function lineWriter({ log_frmt, log_json }: LogFormats, sink: LineSink): (record: LogRecord) => void {
  if (log_json) return (record) => sink.write(`${jsonLine(record)}\n`)
  const startedMs = Date.now()
  return (record) => sink.write(`${percentFormat(log_frmt, lineKeys(record, startedMs))}\n`)
}

/** Control characters are escaped, also those that JSON leaves as they are. */
function jsonLine({ level, name, message, details = {} }: LogRecord): string {
  const { err, ...known } = details
  const fixed = { time: new Date().toISOString(), level: levelNames[level]?.toLowerCase(), name, message }
  const stack = err instanceof Error ? { stack: traceback(err) } : {}
  // What is known of a thing must not pass for the line's own fields.
  const entry = { ...fixed, ...known, ...stack, ...fixed }
  return json(entry).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function lineKeys({ level, name, message }: LogRecord, startedMs: number): Details {
  const now = new Date()
  return {
    asctime: localTime(now),
    created: now.getTime() / 1000,
    msecs: now.getMilliseconds(),
    relativeCreated: now.getTime() - startedMs,
    name,
    levelname: levelNames[level],
    levelno: level,
    message,
    msg: message,
    module: 'pypi-server',
    process: process.pid,
    processName: 'MainProcess',
    thread: threadId,
    threadName: 'MainThread',
  }
}

/** As Python's logging writes it: local time with milliseconds behind a comma. */
function localTime(date: Date): string {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000)
  return local.toISOString().slice(0, 23).replace('T', ' ').replace('.', ',')
}

// A pipe takes 4096 bytes as one (PIPE_BUF of Linux): longer lines of several processes could get mixed up. Of a path this
// is as much as the index takes by default.
const longestPath = 2048
const longestAgent = 256

/** What is told of a request, without the rest of what clients make long. */
function shortened(details: Details): Details {
  const { path, userAgent } = details
  return { ...details, path: cut(path, longestPath), userAgent: cut(userAgent, longestAgent) }
}

function cut(value: unknown, length: number): unknown {
  return typeof value === 'string' && value.length > length ? `${value.slice(0, length)}…` : value
}

// What clients send must neither forge a line nor steer a terminal.
function accessText({ address, user, method, path, status, bytes, ms, userAgent, requestId }: Details): string {
  const agent = String(userAgent).split(' ', 1)[0]
  const text = `${address} ${user ?? '-'} "${method} ${path}" ${status} ${bytes ?? '-'}B ${ms}ms ${agent || '-'}${requestId === undefined ? '' : ` ${requestId}`}`
  return escapeControlCharacters(text)
}

function messageText({ log_err_frmt }: LogFormats, details: Details, text: string): string {
  const isFailure = text === 'request failed' && log_err_frmt !== undefined
  if (isFailure) return percentFormat(log_err_frmt, failureKeys(details))
  return escapeControlCharacters(text + detailText(details))
}

function detailText({ err, ...details }: Details): string {
  const reason = err instanceof Error && details['reason'] === undefined ? { reason: err.message } : {}
  const parts = Object.entries({ ...details, ...reason })
  return parts.map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : json(value)}`).join('')
}

/** A logger must not throw, and JSON knows no big numbers. */
function json(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner))
}
