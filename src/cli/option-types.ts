import { availableParallelism } from 'node:os'
import { ArgumentTypeError } from 'argparse'
import { type ActionGroup, type Config, createApp, PypiServerError } from '../index.js'

const groups: readonly string[] = ['download', 'list', 'update']

/** A port: 0 to 65535. */
export const port = named('port', (text) => {
  const number = Number(text)
  if (/^\d+$/.test(text) && number <= 65535) return number
  throw new ArgumentTypeError(`${quote(text)} is not a port: a number from 0 to 65535`)
})

/** A whole number of seconds, 0 included. */
export const seconds = named('seconds', (text) => {
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new ArgumentTypeError(`${quote(text)} is not a whole number of seconds`)
})

/** A whole number above 0. */
export const count = named('number', (text) => {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new ArgumentTypeError(`${quote(text)} is not a whole number above 0`)
})

const maxWorkers = 256

/** How many processes share the work: a number, or a word for as many as there are processors. */
export const workers = Object.assign(
  named('number', (text) => {
    if (text.toLowerCase() === 'auto') return Math.min(availableParallelism(), maxWorkers)
    if (/^[1-9]\d{0,2}$/.test(text) && Number(text) <= maxWorkers) return Number(text)
    throw new ArgumentTypeError(`${quote(text)} is neither a whole number from 1 to ${maxWorkers} nor auto`)
  }),
  { words: ['auto'] },
)

/** A number of bytes, with a unit of 1024 bytes and its powers if there is one. */
export const bytes = named('size', (text) => {
  const [, digits, unit] = /^(\d{1,12})([KMGT]?)i?B?$/i.exec(text) ?? []
  const size = Number(digits) * 1024 ** ' KMGT'.indexOf(unit?.toUpperCase() || ' ')
  if (size > 0 && Number.isSafeInteger(size)) return size
  throw new ArgumentTypeError(`${quote(text)} is not a size, such as 1000000, 500M or 2G`)
})

/** A comma-separated list of action groups, sorted, each once; `.` is none. */
export const actionGroups = named('list', (text): readonly ActionGroup[] => {
  const trimmed = text.split(',').map((word) => word.trim().toLowerCase())
  const words = [...new Set(trimmed)].sort()
  if (words.length === 1 && words[0] === '.') return []
  const wrong = words.find((word) => !groups.includes(word))
  if (wrong === undefined) return words as ActionGroup[]
  throw new ArgumentTypeError(`${quote(wrong)} is none of ${groups.join(', ')}, nor "." alone`)
})

/** An algorithm by its name in hashlib, or `false` for pypiserver's words for none, in any case. */
export const hashAlgorithm = named('hash algorithm', (text) => {
  if (/^(?:0|no?|f|false|off)$/i.test(text)) return false
  return configValue('hashAlgo', text)
})

/** A path that the library accepts beside its other routes. */
export const healthEndpoint = named('path', (text) => configValue('healthEndpoint', text))

/** A path below the mount point. */
export const metricsEndpoint = named('path', (text) => configValue('metricsEndpoint', text))

/** How files are handed to a front server. */
export const sendfile = named('word', (text) => configValue('sendfile', text))

/** An http or https address. */
export const httpUrl = named('URL', (text) => configValue('fallbackUrl', text))

/** A comma-separated list of addresses and networks; `.` is none. */
export const addresses = named('list', (text): readonly string[] => {
  const words = text.split(',').map((word) => word.trim())
  return words.length === 1 && words[0] === '.' ? [] : configValue('trustProxy', words)
})

/** Any text; an empty one is as good as none. */
export const textOrNone = named('text', (text) => text || undefined)

/** A text that is not empty: an empty one comes from a variable of a shell that is not set, and must not pass for one that is left out. */
export const word = named('text', (text) => {
  if (text.trim() !== '') return text
  throw new ArgumentTypeError('it is empty')
})

/** A path in front of everything, as `/a/b` without a trailing slash; empty for none. */
export const baseUrlPath = named('path', (text) => {
  const segments = text.split('/').filter((segment) => segment !== '')
  const isClean = segments.every((segment) => /^(?!\.\.?$)(?:[\w.~!$&'()*+,;=:@-]|%[0-9a-f]{2})+$/i.test(segment))
  if (isClean) return segments.map((segment) => `/${segment}`).join('')
  throw new ArgumentTypeError(`${quote(text)} is not the path of a URL, such as /pypi/: percent-encode what needs it`)
})

/** One of these words, in any case. It tells its words, for completion. */
export function oneOf(words: readonly string[]): ((text: string) => string) & { readonly words: readonly string[] } {
  const convert = named('word', (text) => {
    if (words.includes(text.toLowerCase())) return text.toLowerCase()
    throw new ArgumentTypeError(`${quote(text)} is none of ${words.join(', ')}`)
  })
  return Object.assign(convert, { words })
}

/** The library knows best what it takes, and looking at a configuration touches nothing. */
function configValue<T>(key: keyof Config, value: T): T {
  try {
    createApp({ roots: '.', [key]: value })
    return value
  } catch (error) {
    if (!(error instanceof PypiServerError)) throw error
    throw new ArgumentTypeError(error.message.replace(`${key}: `, ''))
  }
}

function quote(text: string): string {
  return JSON.stringify(text)
}

/** argparse names the type in its messages by the function's name. */
function named<T>(name: string, convert: (text: string) => T): (text: string) => T {
  return Object.defineProperty(convert, 'name', { value: name })
}
