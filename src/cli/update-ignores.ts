import { readFile } from 'node:fs/promises'
import { isProjectName, type NormalizedName, nameRule, normalizeName, PypiServerError } from '../index.js'
import { privateNames } from './private-names.js'

/** Whether a project is never to be asked about. */
export type IgnoreRule = (name: NormalizedName) => boolean

/** Where the names come from that nobody outside may hear of. */
export interface IgnoreSources {
  /** One name per line. */
  readonly ignorelist_file: string | undefined
  /** Names in any spelling; `*` stands for any characters, and `@FILE` for the lines of a file. */
  readonly private: readonly string[]
}

/**
 * Names of the file and patterns in one rule, all compared in their normalized spelling.
 * @throws ERR_PYPI_CONFIG for a file that is missing, unreadable, not UTF-8, or has a line that is no project name, and
 * for a pattern that no project name matches
 */
export async function ignoreRule(sources: IgnoreSources): Promise<IgnoreRule> {
  const { ignorelist_file: path, private: patterns } = sources
  const names = new Set(path === undefined ? [] : parseIgnoreList(await readIgnoreList(path), path))
  const isPrivate = nameRule(await privateNames(patterns))
  return (name) => names.has(name) || isPrivate(name)
}

async function readIgnoreList(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    // Scripts look for these sentences, as pypiserver writes them.
    const text = code === 'ENOENT' ? `No such ignorelist-file '${path}'` : unusable(path, code ?? message)
    throw new PypiServerError('ERR_PYPI_CONFIG', text, { cause: error })
  }
}

/** A line that names nothing would protect nothing, and the project's name would be sent out: it is refused. */
function parseIgnoreList(text: string, path: string): readonly NormalizedName[] {
  return text.split(/\r\n|[\r\n]/).flatMap((line, index) => {
    const name = line.replace(/#.*/, '').trim()
    if (name === '') return []
    if (isProjectName(name)) return [normalizeName(name)]
    const reason = `line ${index + 1}: ${JSON.stringify(name)} is no project name`
    throw new PypiServerError('ERR_PYPI_CONFIG', unusable(path, reason))
  })
}

function unusable(path: string, reason: string): string {
  return `Could not parse ignorelist-file '${path}': ${reason}`
}
