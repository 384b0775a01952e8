import type { Backend, DistributionFile, NormalizedName, Project, Yank } from '../backend.js'
import { PypiServerError } from '../errors.js'
import type { Events } from '../events.js'
import { type Logger, silentLogger } from '../logger.js'
import { releaseKey } from '../packaging/version.js'
import { record } from './record.js'

/** What an administrative action is about: one file, one release, or all files of a project. */
export interface Target {
  /** Normalized name of the project. */
  readonly project: NormalizedName
  /** One release, in any spelling (PEP 440). @default every release */
  readonly version?: string
  /** One file of it. @default all of the release or project */
  readonly filename?: string
}

/** Withdraws, removes and marks what is in an index; each method tells which files it was about. */
export interface Management {
  /** Withdraws files from new resolutions (PEP 592); pinned versions still get them. */
  readonly yank: (target: Target, yank: Yank, user: string | null) => Promise<readonly DistributionFile[]>
  /** Takes a yank back. */
  readonly unyank: (target: Target, user: string | null) => Promise<readonly DistributionFile[]>
  /** Removes files for good; their names stay bound to their bytes unless `freesNames`. */
  readonly remove: (
    target: Target,
    user: string | null,
    options?: { readonly freesNames?: boolean },
  ) => Promise<readonly DistributionFile[]>
  /** Marks a project (PEP 792): `archived` and `quarantined` ones take no uploads, the latter show no files. */
  readonly setStatus: (
    project: NormalizedName,
    status: NonNullable<Project['status']>,
    user: string | null,
  ) => Promise<void>
}

/** What a management works with. */
export interface ManagementOptions {
  /** Where the projects and files are. */
  readonly backend: Backend
  /** Told after each change. @default nobody */
  readonly events?: Events
  /** Hears of changes that the audit log could not take. @default silent */
  readonly logger?: Logger
}

/**
 * The management of a backend. Every method rejects with `ERR_PYPI_NOT_FOUND` when there is nothing of this name, and
 * with `ERR_PYPI_FORBIDDEN` when the backend lacks the capability; each change is in the audit log when it fulfils, or, if
 * that took no line, with the logger.
 */
export function createManagement(options: ManagementOptions): Management {
  return {
    yank: (target, yank, user) => setYanked(options, target, yank, user),
    unyank: (target, user) => setYanked(options, target, undefined, user),
    remove: (target, user, { freesNames = false } = {}) => remove(options, target, freesNames, user),
    setStatus: (project, status, user) => setStatus(options, project, status, user),
  }
}

async function setYanked(
  { backend, events, logger = silentLogger }: ManagementOptions,
  target: Target,
  yanked: Yank | undefined,
  user: string | null,
): Promise<readonly DistributionFile[]> {
  if (backend.setYanked === undefined) throw cannot(backend, 'yank')
  const files = await filesOf(backend, target)
  for (const file of files) {
    await backend.setYanked(file, yanked)
    const action = yanked === undefined ? 'unyank' : 'yank'
    await record({ backend, logger }, { action, user, project: file.project, file: file.path, ...yanked })
    events?.emit('yank', { file, user, ...(yanked && { yanked }) })
  }
  return files
}

async function remove(
  { backend, events, logger = silentLogger }: ManagementOptions,
  target: Target,
  freesName: boolean,
  user: string | null,
): Promise<readonly DistributionFile[]> {
  if (backend.remove === undefined) throw cannot(backend, 'remove')
  const removed: DistributionFile[] = []
  // Another root may hold a file of the same path, which shows once the first is gone.
  for (let files = await filesOf(backend, target); files.length > 0; files = await remaining(backend, target)) {
    const gone = []
    for (const file of files) if (await backend.remove(file, { freesName })) gone.push(file)
    for (const file of gone) {
      await record(
        { backend, logger },
        { action: 'remove', user, project: file.project, file: file.path, ...file.hashes },
      )
      events?.emit('remove', { file, user })
    }
    removed.push(...gone)
    if (gone.length === 0) break
  }
  return removed
}

async function setStatus(
  { backend, events, logger = silentLogger }: ManagementOptions,
  project: NormalizedName,
  status: NonNullable<Project['status']>,
  user: string | null,
): Promise<void> {
  if (backend.setStatus === undefined) throw cannot(backend, 'set a status')
  if (!(await backend.setStatus(project, status))) throw missing(project)
  await record({ backend, logger }, { action: 'status', user, project, ...status })
  events?.emit('status', { project, status, user })
}

async function filesOf(backend: Backend, target: Target): Promise<readonly DistributionFile[]> {
  const files = await remaining(backend, target)
  if (files.length > 0) return files
  const { project, version, filename } = target
  throw missing(filename ?? (version === undefined ? project : `${project} ${version}`))
}

async function remaining(
  backend: Backend,
  { project, version, filename }: Target,
): Promise<readonly DistributionFile[]> {
  const files = (await backend.getProject(project))?.files ?? []
  return files.filter((file) => {
    if (filename !== undefined && file.filename !== filename) return false
    return version === undefined || releaseKey(file.version) === releaseKey(version)
  })
}

function cannot({ name }: Backend, what: string): PypiServerError {
  return new PypiServerError('ERR_PYPI_FORBIDDEN', `${name} cannot ${what}`)
}

function missing(what: string): PypiServerError {
  return new PypiServerError('ERR_PYPI_NOT_FOUND', `${what} not found`)
}
