import { setTimeout } from 'node:timers/promises'
import type { Backend, Candidate, DistributionFile, NormalizedName, Project } from '../backend.js'
import { errorCode, PypiServerError } from '../errors.js'
import type { Events } from '../events.js'
import type { Logger } from '../logger.js'
import { parseFilename } from '../packaging/filename.js'
import { releaseKey } from '../packaging/version.js'
import type { Inspector } from './inspector.js'
import { record } from './record.js'

/** What a publisher works with. */
export interface PublishingOptions {
  readonly backend: Backend
  /** Replace files of the same name. */
  readonly overwrite: boolean
  readonly inspector: Pick<Inspector, 'validation'>
  readonly hooks: Hooks
  readonly events: Events
  /** Hears of changes that the audit log could not take. */
  readonly logger: Logger
}

/** Functions of the host that are awaited and may refuse, by rejecting; the message reaches the client. */
export interface Hooks {
  /** Before a complete, checked upload is published; rejecting refuses it. @default nothing is asked */
  readonly beforePublish?: (candidate: Candidate, context: { readonly user: string | null }) => void | Promise<void>
}

/**
 * Publishes a checked upload. The same bytes again under the same name are no error: a client that lost the answer
 * repeats its request.
 * @throws ERR_PYPI_FILE_EXISTS when other bytes have the name; whatever the hook and the backend throw
 */
export async function publish(
  { backend, overwrite, inspector, hooks, events, logger }: PublishingOptions,
  candidate: Candidate,
  user: string | null,
): Promise<DistributionFile> {
  if (backend.publish === undefined) throw new PypiServerError('ERR_PYPI_FORBIDDEN', `${backend.name} takes no uploads`)
  await checkStatus(backend, candidate.project)
  if (inspector.validation === 'strict') await checkOnlySdist(backend, candidate)
  await hooks.beforePublish?.(candidate, { user })
  try {
    const file = await backend.publish(candidate, { overwrite })
    const { project, path, hashes } = file
    await record({ backend, logger }, { action: 'publish', user, project, file: path, ...hashes })
    events.emit('publish', { file, user })
    return file
  } catch (error) {
    if (errorCode(error) !== 'ERR_PYPI_FILE_EXISTS') throw error
    return await sameBytes(backend, candidate, error)
  }
}

async function checkStatus(backend: Backend, project: NormalizedName): Promise<void> {
  // Only a backend that can mark projects has some that take no uploads (PEP 792).
  if (backend.setStatus === undefined) return
  const { status } = (await statusOf(backend, project)) ?? {}
  if (status !== 'archived' && status !== 'quarantined') return
  throw new PypiServerError('ERR_PYPI_FORBIDDEN', `project ${project} is ${status} and takes no uploads`)
}

async function statusOf(backend: Backend, project: NormalizedName): Promise<Project['status']> {
  if (backend.getStatus !== undefined) return await backend.getStatus(project)
  return (await backend.getProject(project))?.status
}

/** Installers take the first sdist of a release that they find, so that two would be a matter of luck. */
async function checkOnlySdist(backend: Backend, { project, filename, version }: Candidate): Promise<void> {
  if (!isSdist(filename)) return
  const other = (await backend.getProject(project))?.files.find(
    (file) => file.filename !== filename && isSdist(file.filename) && releaseKey(file.version) === releaseKey(version),
  )
  if (other === undefined) return
  const message = `Only one sdist may be uploaded per release: ${other.filename} is there already`
  throw new PypiServerError('ERR_PYPI_UPLOAD_REFUSED', message)
}

function isSdist(filename: string): boolean {
  return parseFilename(filename)?.kind === 'sdist'
}

// What another process stored shows within a second.
const limitMs = 1000
const pauseMs = 50

async function sameBytes(
  backend: Backend,
  { project, filename, hashes }: Candidate,
  cause: unknown,
): Promise<DistributionFile> {
  const existing = await existingFile(backend, project, filename)
  if (existing?.filename === filename && existing.hashes['sha256'] === hashes['sha256']) return existing
  const what =
    existing?.hashes['sha256'] === undefined ? `${filename} cannot be read yet` : `${existing.filename} has other bytes`
  const message = `File already exists: ${what}; use a new version, or a server that overwrites`
  throw new PypiServerError('ERR_PYPI_FILE_EXISTS', message, { cause })
}

async function existingFile(
  backend: Backend,
  project: NormalizedName,
  filename: string,
): Promise<DistributionFile | undefined> {
  const endMs = performance.now() + limitMs
  for (;;) {
    const files = (await backend.getProject(project))?.files ?? []
    const existing = files.find((file) => file.filename.toLowerCase() === filename.toLowerCase())
    if (existing?.hashes['sha256'] !== undefined || performance.now() > endMs) return existing
    await setTimeout(pauseMs)
  }
}
