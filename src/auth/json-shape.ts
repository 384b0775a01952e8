import { PypiServerError } from '../errors.js'
import { badJsonLine } from '../util/bad-json-line.js'

/** The fields of a JSON object, none of them checked. */
export type Fields = Readonly<Record<string, unknown>>

/** @throws ERR_PYPI_CONFIG naming the line; never with any of the text, which may be secret */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw wrong(`line ${badJsonLine(text)} is not JSON`)
  }
}

/** @throws ERR_PYPI_CONFIG naming the key, when the value is no object or has keys besides these */
export function fieldsOf(value: unknown, key: string, known: readonly string[]): Fields {
  const fields = objectOf(value, key)
  // A key that is not understood might narrow what is granted.
  const unknown = Object.keys(fields).find((name) => !known.includes(name))
  if (unknown === undefined) return fields
  throw wrong(`${below(key, unknown)} is unknown: there are ${known.join(', ')}`)
}

/** @throws ERR_PYPI_CONFIG naming the key */
export function objectOf(value: unknown, key: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  throw wrong(`${key === '' ? 'the whole' : key} is not an object`)
}

/** @throws ERR_PYPI_CONFIG naming the key */
export function listOf(value: unknown, key: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw wrong(`${key} is not a list`)
}

/** One text or a list of them, none of them empty and at least one. @throws ERR_PYPI_CONFIG naming the key */
export function textsOf(value: unknown, key: string): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (texts.length > 0 && texts.every((text) => typeof text === 'string' && text !== '')) return texts as string[]
  throw wrong(`${key} is not a list of texts with something in them`)
}

/** How a key inside another is called in messages. */
export function below(key: string, name: string): string {
  return key === '' ? name : `${key}.${name}`
}

/** The error of everything here that is not as it must be. */
export function wrong(message: string): PypiServerError {
  return new PypiServerError('ERR_PYPI_CONFIG', message)
}
