import { accessSync, constants } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { errorMessage } from '../errors.js'
import type { Config } from '../index.js'
import { attestationsOf } from './attestations.js'
import { CommandError } from './command-error.js'
import { openDoors } from './open-doors.js'
import { absolutePath } from './paths.js'
import { privateNames } from './private-names.js'
import type { RunOptions } from './run-options.js'

/** What the options are to `createApp`, but for directories and logger; plain values, which another process can be told. */
export async function configOf(options: RunOptions): Promise<Config> {
  const { authenticate, overwrite, strict, cache_control, base_url, max_upload, max_uploads, limits } = options
  const welcome = options.welcome === '' ? options.welcome_html : await readWelcome(absolutePath(options.welcome))
  return {
    ...accessFiles(options),
    authenticate,
    overwrite,
    validation: strict ? 'strict' : 'standard',
    attestations: await attestationsOf(options.attestations),
    fallbackUrl: options.fallback_url,
    disableFallback: options.disable_fallback,
    privateNames: await privateNames(options.private),
    healthEndpoint: options.health_endpoint,
    ...(options.metrics_endpoint !== undefined && { metricsEndpoint: options.metrics_endpoint }),
    hashAlgo: options.hash_algo,
    trustProxy: options.trusted_proxy,
    limits: { ...limits, maxUploadBytes: max_upload, maxUploads: max_uploads },
    ...(cache_control !== undefined && { cacheControl: cache_control }),
    ...(options.sendfile !== undefined && { sendfile: options.sendfile }),
    ...(welcome !== undefined && { welcome }),
    ...(base_url !== undefined && { baseUrl: base_url }),
  }
}

/** The files that say who may come in and do what, as far as there are any. */
function accessFiles({
  passwords,
  tokens,
  rules,
}: RunOptions): Pick<Config, 'passwordFile' | 'tokenFile' | 'rulesFile'> {
  return {
    ...(passwords !== undefined && passwords !== '.' && { passwordFile: absolutePath(passwords) }),
    ...(tokens !== undefined && { tokenFile: absolutePath(tokens) }),
    ...(rules !== undefined && { rulesFile: absolutePath(rules) }),
  }
}

async function readWelcome(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : (code ?? message)
    throw new CommandError(`cannot read the welcome page ${path}: ${reason}`, 2, { cause: error })
  }
}

/** What holds although something else was asked for, or may not have been meant. */
export function remarks(options: RunOptions): readonly string[] {
  const { server, backend } = options
  const { passwordFile, tokenFile, rulesFile } = accessFiles(options)
  return [
    ...(server === 'auto' ? [] : [`--server ${server}: the HTTP server of Node is used, whatever the method`]),
    ...(backend === 'auto'
      ? []
      : [`--backend ${backend}: there is one backend, which reads directories and remembers what it read`]),
    ...openDoors(options).map((line) => `Warning: ${line}`),
    ...warning('password file', passwordFile, () => 'nobody can log in until that is repaired'),
    ...warning('token file', tokenFile, (problem) =>
      problem === 'ENOENT' ? 'there are no tokens until one is created' : 'no token is good until that is repaired',
    ),
    ...warning('rules file', rulesFile, () => 'nobody may do anything until that is repaired'),
  ]
}

function warning(noun: string, path: string | undefined, consequence: (problem: string) => string): readonly string[] {
  const problem = path && problemWithFile(path)
  return problem ? [`Warning: cannot read the ${noun} ${path}: ${problem}; ${consequence(problem)}`] : []
}

function problemWithFile(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? errorMessage(error)
  }
}
