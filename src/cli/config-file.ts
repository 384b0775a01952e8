import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorMessage } from '../errors.js'
import { PypiServerError } from '../index.js'
import { badJsonLine } from '../util/bad-json-line.js'
import { closestWord } from '../util/closest-word.js'
import { CommandError } from './command-error.js'
import { configKeys, type FileOptions, optionsOf } from './config-keys.js'
import { absolutePath } from './paths.js'

/** Keys of `createApp` that take functions, and what a file says instead. */
const codeKeys: Readonly<Record<string, string>> = {
  backend: 'roots names directories',
  auther: 'passwordFile and tokenFile name files',
  authorizer: 'rulesFile names a file',
  logger: 'logStream and logFile say where the log goes',
  gatherMetrics: 'call createApp in a program of your own for that',
  identify: 'call createApp in a program of your own for that',
  hooks: 'call createApp in a program of your own for that',
  events: 'call createApp in a program of your own for that',
}

/** Options whose keys are called as `createApp` calls them. */
const otherNames: Readonly<Record<string, string>> = {
  directory: 'roots',
  directories: 'roots',
  packages: 'roots',
  interface: 'host',
  passwords: 'passwordFile',
  tokens: 'tokenFile',
  rules: 'rulesFile',
  private: 'privateNames',
  strict: '"validation": "strict"',
  maxUpload: 'maxUploadBytes in limits',
  maxUploads: 'maxUploads in limits',
  trustedProxy: 'trustProxy',
}

/**
 * Reads a configuration file: a JSON object with the keys of `createApp` that take no functions, and the long names of the
 * command's own options in camelCase. Paths in it are relative to it.
 * @throws CommandError with 2, naming the file, the key and what is wrong with it
 */
export function readConfigFile(name: string): FileOptions {
  const path = absolutePath(name)
  const folder = dirname(path)
  const fields = fieldsOf(path)
  const refuse = (message: string): CommandError => new CommandError(`${path}: ${message}`, 2)
  if ('welcome' in fields && 'welcomeFile' in fields) throw refuse('give welcome or welcomeFile, not both')
  const options = Object.entries(fields).map(([key, value]) => {
    if (!configKeys.includes(key)) throw refuse(unknownKey(key))
    try {
      return optionsOf({ key, value, folder })
    } catch (error) {
      throw error instanceof PypiServerError ? refuse(error.message) : error
    }
  })
  return Object.assign({}, ...options)
}

function unknownKey(key: string): string {
  const instead = Object.hasOwn(codeKeys, key) ? codeKeys[key] : undefined
  if (instead !== undefined) return `${key} takes functions, which a file cannot hold; ${instead}`
  const camel = key.replace(/^-+/, '').replace(/[-_]+(\w)/g, (_, letter: string) => letter.toUpperCase())
  const same = configKeys.find((known) => known.toLowerCase() === camel.toLowerCase())
  const meant = same ?? (Object.hasOwn(otherNames, camel) ? otherNames[camel] : closestWord(camel, configKeys))
  return `unknown key ${JSON.stringify(key)}; ${meant === undefined ? `there are ${configKeys.join(', ')}` : `is it ${meant}?`}`
}

function fieldsOf(path: string): Readonly<Record<string, unknown>> {
  const text = textOf(path)
  const value = parsed(path, text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new CommandError(`${path}: it takes one object, { … }`, 2)
}

function textOf(path: string): string {
  try {
    // Editors of Windows put a mark in front, which the decoder takes off.
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : (code ?? errorMessage(error))
    throw new CommandError(`cannot read the configuration file ${path}: ${reason}`, 2, { cause: error })
  }
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new CommandError(`${path}: line ${badJsonLine(text)} is not JSON`, 2, { cause: error })
  }
}
