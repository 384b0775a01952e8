import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { errorMessage } from '../errors.js'
import type { AttestationsSetting, AttestationTrust } from '../index.js'
import { CommandError } from './command-error.js'
import { absolutePath } from './paths.js'

/**
 * What `--attestations` stands for: a word, or a file in JSON with `trustedRoot`, relative to the file, and `publishers`.
 * What a configuration file says instead stays as it is.
 * @throws CommandError with 2 when the file cannot be read
 */
export async function attestationsOf(option: string | AttestationsSetting): Promise<AttestationsSetting> {
  if (typeof option !== 'string' || option === 'off' || option === 'unverified') return option
  const path = absolutePath(option)
  const setting = await readObject(path)
  const { trustedRoot } = setting
  // What is wrong with it else, the configuration says.
  return typeof trustedRoot === 'string' ? { ...setting, trustedRoot: resolve(dirname(path), trustedRoot) } : setting
}

async function readObject(path: string): Promise<AttestationTrust> {
  try {
    const setting = JSON.parse(await readFile(path, 'utf8')) as AttestationTrust
    if (typeof setting === 'object' && setting !== null) return setting
  } catch (error) {
    throw new CommandError(`cannot read the attestations file ${path}: ${errorMessage(error)}`, 2, { cause: error })
  }
  throw new CommandError(`the attestations file ${path} holds no object`, 2)
}
