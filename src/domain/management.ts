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

/** Options of {@link Management.remove}. */
export interface RemovalOptions {
  /** Let other bytes have the names of the files later. @default false */
  readonly freesNames?: boolean
  /**
   * Forget that the name of the project was used here, also of one without files: from then on it may lead to the fallback.
   * Only for whole projects, else `ERR_PYPI_BAD_REQUEST`. @default false
   */
  readonly freesProject?: boolean
}

/** Withdraws, removes and marks what is in an index; each method tells which files it was about. */
export interface Management {
  /** Withdraws files from new resolutions (PEP 592); pinned versions still get them. */
  readonly yank: (target: Target, yank: Yank, user: string | null) => Promise<readonly DistributionFile[]>
  /** Takes a yank back. */
  readonly unyank: (target: Target, user: string | null) => Promise<readonly DistributionFile[]>
  /** Removes files for good; their names stay bound to their bytes, and the project's to this index, unless they are freed. */
  readonly remove: (
    target: Target,
    user: string | null,
    options?: RemovalOptions,
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
    remove: (target, user, removal = {}) => remove(options, target, removal, user),
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
  options: ManagementOptions,
  target: Target,
  { freesNames = false, freesProject = false }: RemovalOptions,
  user: string | null,
): Promise<readonly DistributionFile[]> {
  const { backend } = options
  if (backend.remove === undefined) throw cannot(backend, 'remove')
  if (!freesProject) return await removeAll(options, await filesOf(backend, target), { target, freesNames, user })
  if (backend.freeProject === undefined) throw cannot(backend, 'free the names of projects')
  const { project, version, filename } = target
  if (version !== undefined || filename !== undefined)
    throw new PypiServerError('ERR_PYPI_BAD_REQUEST', 'only with all of its files the name of a project becomes free')
  const removed = await removeAll(options, await remaining(backend, target), { target, freesNames, user })
  if (await backend.freeProject(project)) await record(recorder(options), { action: 'free', user, project })
  else if (removed.length === 0) throw missing(project)
  return removed
}

interface Removal {
  readonly target: Target
  readonly freesNames: boolean
  readonly user: string | null
}

async function removeAll(
  options: ManagementOptions,
  first: readonly DistributionFile[],
  { target, freesNames: freesName, user }: Removal,
): Promise<readonly DistributionFile[]> {
  const { backend, events } = options
  const removed: DistributionFile[] = []
  // Another root may hold a file of the same path, which shows once the first is gone.
  for (let files = first; files.length > 0; files = await remaining(backend, target)) {
    const gone = []
    for (const file of files) if (await backend.remove?.(file, { freesName })) gone.push(file)
    for (const file of gone) {
      const { project, path, hashes } = file
      await record(recorder(options), { action: 'remove', user, project, file: path, ...hashes })
      events?.emit('remove', { file, user })
    }
    removed.push(...gone)
    if (gone.length === 0) break
  }
  return removed
}

function recorder({ backend, logger = silentLogger }: ManagementOptions): Parameters<typeof record>[0] {
  return { backend, logger }
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
