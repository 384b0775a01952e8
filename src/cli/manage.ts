import { userInfo } from 'node:os'
import { errorCode, errorMessage } from '../errors.js'
import {
  type Backend,
  createManagement,
  type DistributionFile,
  directory,
  normalizeName,
  PypiServerError,
  parseFilename,
  type Target,
} from '../index.js'
import { escapeControlCharacters } from '../util/control-characters.js'
import { CommandError } from './command-error.js'
import { requireDirectory } from './directories.js'
import { createLogger } from './log.js'
import type { DeleteOptions, ManageLine, StatusOptions, TargetOptions } from './manage-options.js'
import { resolvedPath } from './paths.js'

/**
 * Withdraws, deletes or marks what is in a directory, and fulfils with a line about each file or the status. A server on
 * the same directory notices.
 * @throws CommandError with 2 for a directory that cannot be read, with 1 when there is nothing of the name
 */
export async function manage(line: ManageLine): Promise<readonly string[]> {
  const path = await resolvedPath(line.options.directory)
  await requireDirectory(path)
  // Only the audit log of what is deleted needs digests.
  const isDeletion = line.command === 'delete' && !line.options.dry_run
  const backend = directory(path, isDeletion ? {} : { digestWaitMs: 0 })
  try {
    return await carryOut(line, backend)
  } catch (error) {
    throw refusal(error, path)
  } finally {
    // All other files would be hashed in the background.
    await backend.close()
  }
}

async function carryOut({ command, options }: ManageLine, backend: Backend): Promise<readonly string[]> {
  const management = managementOf(backend)
  switch (command) {
    case 'yank': {
      const { message: reason } = options
      const yank = reason === undefined ? {} : { reason }
      return lines('yanked', await management.yank(targetOf(options), yank, user()))
    }
    case 'unyank':
      return lines('unyanked', await management.unyank(targetOf(options), user()))
    case 'delete':
      return await remove(options, backend)
    case 'status':
      return [await status(options, backend)]
  }
}

async function remove(options: DeleteOptions, backend: Backend): Promise<readonly string[]> {
  const target = targetOf(options)
  if (options.dry_run) return await wouldRemove(target, backend, options.free_project)
  const { free_names: freesNames, free_project: freesProject } = options
  const removed = await managementOf(backend).remove(target, user(), { freesNames, freesProject })
  return [...lines('deleted', removed), ...(freesProject ? [`freed ${target.project}`] : [])]
}

/** What a removal asks the backend to do. */
async function wouldRemove(target: Target, backend: Backend, freesProject: boolean): Promise<readonly string[]> {
  const asked: DistributionFile[] = []
  const freed: string[] = []
  const recording: Backend = {
    ...backend,
    remove: async (file) => {
      asked.push(file)
      return false
    },
    freeProject: async (name) => {
      if ((await backend.getProject(name)) === undefined) return false
      freed.push(`would free ${name}`)
      return true
    },
    audit: async () => {},
  }
  await createManagement({ backend: recording }).remove(target, null, { freesProject })
  return [...lines('would delete', asked), ...freed]
}

async function status(options: StatusOptions, backend: Backend): Promise<string> {
  const { status: wanted, message: reason } = options
  const name = normalizeName(options.project)
  if (wanted !== undefined) {
    const mark = { status: wanted, ...(reason !== undefined && { reason }) }
    await managementOf(backend).setStatus(name, mark, user())
  }
  const project = await backend.getProject(name)
  if (project === undefined) throw new PypiServerError('ERR_PYPI_NOT_FOUND', `${name} not found`)
  return statusLine(project.status)
}

function statusLine(mark: { readonly status: string; readonly reason?: string } = { status: 'active' }): string {
  return escapeControlCharacters(mark.reason === undefined ? mark.status : `${mark.status}: ${mark.reason}`)
}

/** What the audit log cannot take is told. */
function managementOf(backend: Backend): ReturnType<typeof createManagement> {
  return createManagement({ backend, logger: createLogger({ verbose: 0, log_frmt: '%(message)s' }, process.stderr) })
}

/** A word is the name of a file if distribution files may have it, else a version. */
function targetOf({ project: name, target }: TargetOptions): Target {
  const project = normalizeName(name)
  if (target === undefined) return { project }
  return parseFilename(target) === undefined ? { project, version: target } : { project, filename: target }
}

function lines(done: string, files: readonly DistributionFile[]): readonly string[] {
  return files.map(({ path }) => `${done} ${path}`).sort()
}

/** Who it is in the audit log; no login has a name with this colon. */
function user(): string {
  return `cli:${accountName()}`
}

function accountName(): string {
  try {
    return userInfo().username
  } catch (error) {
    // Containers run under numbers that have no name.
    if (errorCode(error) !== 'ERR_SYSTEM_ERROR') throw error
    return String(process.getuid?.())
  }
}

function refusal(error: unknown, path: string): unknown {
  const code = errorCode(error)
  if (error instanceof PypiServerError) {
    const message = code === 'ERR_PYPI_NOT_FOUND' ? `${error.message} in ${path}` : error.message
    return new CommandError(escapeControlCharacters(message), 1, { cause: error })
  }
  // What the system refuses has a code of its own, such as EACCES; anything else is our mistake.
  if (code === undefined || !/^E[A-Z]+$/.test(code)) return error
  return new CommandError(`cannot change ${path}: ${errorMessage(error)}`, 1, { cause: error })
}
