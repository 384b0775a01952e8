import type { DistributionFile, ProjectStatus } from '../backend.js'
import type { Target } from '../domain/management.js'
import { PypiServerError } from '../errors.js'
import type { Call, Reply } from '../http/message.js'
import { readWholeBody } from '../http/whole-body.js'
import { normalizeName } from '../packaging/name.js'
import { openApi } from '../render/open-api.js'
import { paceOf } from './pace.js'
import type { Access, Services } from './route.js'
import { noProject } from './simple.js'

const maxBodyBytes = 64 * 1024
const maxReasonLength = 1000
const statuses: readonly string[] = ['active', 'archived', 'quarantined', 'deprecated'] satisfies ProjectStatus[]

/** Withdraws a release or a file (PEP 592); the body may give a reason. */
export async function yank(call: Call, services: Services, { identity }: Access): Promise<Reply> {
  const reason = reasonOf(await readJson(call, services))
  return answer(
    await services.management.yank(targetOf(call), reason === undefined ? {} : { reason }, identity?.name ?? null),
  )
}

/** Takes a withdrawal back. */
export async function unyank(call: Call, { management }: Services, { identity }: Access): Promise<Reply> {
  return answer(await management.unyank(targetOf(call), identity?.name ?? null))
}

/** Removes a project, a release or a file. */
export async function remove(call: Call, { management }: Services, { identity }: Access): Promise<Reply> {
  const options = { freesNames: flagOf(call, 'free-names'), freesProject: flagOf(call, 'free-project') }
  return answer(await management.remove(targetOf(call), identity?.name ?? null, options))
}

/** Marks a project (PEP 792). */
export async function setStatus(call: Call, services: Services, { identity }: Access): Promise<Reply> {
  const body = await readJson(call, services)
  const status = body.get('status')
  if (typeof status !== 'string' || !statuses.includes(status)) throw bad(`status takes one of ${statuses.join(', ')}`)
  const reason = reasonOf(body)
  const mark = { status: status as ProjectStatus, ...(reason !== undefined && { reason }) }
  await services.management.setStatus(targetOf(call).project, mark, identity?.name ?? null)
  return json(mark)
}

/** The status of a project. */
export async function getStatus(call: Call, { index }: Services): Promise<Reply> {
  const { project: name } = targetOf(call)
  const project = await index.project(name)
  if (project === undefined) throw noProject(name)
  return json(project.status ?? { status: 'active' })
}

/** The description of these routes (OpenAPI 3.1). */
export function describeApi({ baseUrl }: Call, { version }: Services): Reply {
  return json(openApi(baseUrl, version))
}

function targetOf({ params: { project = '', version, filename } }: Call): Target {
  return { project: normalizeName(project), ...(version && { version }), ...(filename && { filename }) }
}

async function readJson(call: Call, { limits }: Services): Promise<ReadonlyMap<string, unknown>> {
  const text = Buffer.from(await readWholeBody(call, { maxBytes: maxBodyBytes, pace: paceOf(limits) })).toString('utf8')
  if (text.trim() === '') return new Map()
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return new Map(Object.entries(value))
  } catch (error) {
    throw bad('the body is not JSON', error)
  }
  throw bad('the body is not a JSON object')
}

function flagOf({ query }: Call, name: string): boolean {
  const value = query.get(name) ?? 'false'
  if (value !== 'true' && value !== 'false') throw bad(`${name} takes true or false`)
  return value === 'true'
}

function reasonOf(body: ReadonlyMap<string, unknown>): string | undefined {
  const reason = body.get('reason')
  if (reason === undefined || reason === '') return undefined
  if (typeof reason === 'string' && reason.length <= maxReasonLength) return reason
  throw bad(`reason takes a text of at most ${maxReasonLength} characters`)
}

function bad(message: string, cause?: unknown): PypiServerError {
  return new PypiServerError('ERR_PYPI_BAD_REQUEST', message, { cause })
}

function answer(files: readonly DistributionFile[]): Reply {
  return json({ files: files.map(({ filename }) => filename) })
}

function json(value: unknown): Reply {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return { status: 200, headers, body: JSON.stringify(value) }
}
