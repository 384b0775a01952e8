import type { Logger } from '../index.js'
import { escapeControlCharacters } from '../util/control-characters.js'

/** Where lines go. */
export interface LineSink {
  readonly write: (text: string) => unknown
}

type Details = Readonly<Record<string, unknown>>

const levels = ['debug', 'info', 'warn', 'error'] as const

/** A logger that writes one readable line for each request and each message, from `level` upwards. */
export function createLineLogger(sink: LineSink, level: (typeof levels)[number]): Logger {
  const lineAt = (name: (typeof levels)[number]) => (details: Details, message: string) => {
    if (levels.indexOf(name) < levels.indexOf(level)) return
    const text = message === 'request' ? requestText(details) : `${name.toUpperCase()} ${message}${detailText(details)}`
    // What clients send must neither forge a line nor steer a terminal.
    sink.write(`${timestamp()} ${escapeControlCharacters(text)}\n`)
  }
  return { debug: lineAt('debug'), info: lineAt('info'), warn: lineAt('warn'), error: lineAt('error') }
}

function requestText({ address, user, method, path, status, bytes, ms, userAgent }: Details): string {
  const agent = String(userAgent).split(' ', 1)[0]
  return `${address} ${user ?? '-'} "${method} ${path}" ${status} ${bytes ?? '-'}B ${ms}ms ${agent || '-'}`
}

function detailText(details: Details): string {
  const parts = Object.entries(details).filter(([key]) => key !== 'err')
  return parts.map(([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join('')
}

function timestamp(): string {
  return new Date().toISOString().slice(0, 19).replace('T', ' ')
}
