import { readFile } from 'node:fs/promises'
import { isNamePattern, PypiServerError } from '../index.js'
import { absolutePath } from './paths.js'

/** What `--private` takes, as help texts name it. */
export const privateNameHelp =
  '* stands for any characters, as in "acme-*"; @FILE names a file with one name per line; may be repeated'

/**
 * The names and patterns that `--private` was told: words as they are, and the lines of each `@FILE`.
 * @throws ERR_PYPI_CONFIG for a word or line that no project name matches, and for a file that cannot be read
 */
export async function privateNames(words: readonly string[]): Promise<readonly string[]> {
  const patterns = await Promise.all(words.map((word) => (word.startsWith('@') ? linesOf(word.slice(1)) : [word])))
  return patterns.flat().map(checked)
}

async function linesOf(path: string): Promise<readonly string[]> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(absolutePath(path)))
    return nameLines(text)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : (code ?? message)
    throw new PypiServerError('ERR_PYPI_CONFIG', `argument --private: cannot read ${path}: ${reason}`, { cause: error })
  }
}

function nameLines(text: string): readonly string[] {
  const lines = text.split(/\r\n|[\r\n]/).map((line) => line.replace(/#.*/, '').trim())
  return lines.filter((line) => line !== '')
}

/** What no project name can match would protect nothing. */
function checked(pattern: string): string {
  if (isNamePattern(pattern)) return pattern
  const text = `argument --private: ${JSON.stringify(pattern)} is no project name, with or without *; repeat it for each`
  throw new PypiServerError('ERR_PYPI_CONFIG', text)
}
