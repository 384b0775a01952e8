import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import type { Project } from '../backend.js'
import type { ReadReleaseMetadata } from '../domain/release-metadata.js'
import { findRelease, type Release, releasesOf } from '../domain/releases.js'
import type { Call } from '../http/message.js'
import type { XmlRpcValue } from '../http/xmlrpc.js'
import { normalizeName } from '../packaging/name.js'
import { infoOf, urlsOf } from '../render/project-json.js'
import { arrayResponse, methodResponse, structResponse } from '../render/xmlrpc.js'
import type { Access, Services } from './route.js'

/** What a method works with. */
export interface MethodContext {
  readonly call: Call
  readonly services: Services
  readonly access: Access
  readonly readMetadata: ReadReleaseMetadata
}

/** Answers with a document, or with what is wrong with the parameters. */
export type Method = (
  params: readonly XmlRpcValue[],
  context: MethodContext,
) => Promise<string | Readable | { readonly wrong: string }>

/** As many as PyPI tells at a time. */
const maxChanges = 50_000

/** The methods by which mirrors and old scripts read PyPI. */
export const mirrorMethods: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['changelog_last_serial', lastSerial],
  ['changelog_since_serial', changesSince],
  ['list_packages', listPackages],
  ['list_packages_with_serial', listWithSerial],
  ['package_releases', packageReleases],
  // Nobody has a role here that an index could tell of.
  ['package_roles', async () => methodResponse([])],
  ['release_data', releaseData],
  ['release_urls', releaseUrls],
  ['user_packages', async () => methodResponse([])],
])

async function lastSerial(_: readonly XmlRpcValue[], { call, services: { backend } }: MethodContext) {
  const serial = await backend.lastSerial?.({ signal: call.signal })
  return serial === undefined ? noSerials() : methodResponse(integer(serial))
}

/** The last change of each project that changed since: `[name, version, seconds, action, serial]`. */
async function changesSince([since]: readonly XmlRpcValue[], { call, services: { backend } }: MethodContext) {
  const serial = Number(since)
  if ((typeof since !== 'number' && typeof since !== 'bigint') || !Number.isSafeInteger(serial) || serial < 0) {
    return { wrong: 'changelog_since_serial takes the serial after which changes are told' }
  }
  const isKept = (await backend.lastSerial?.({ signal: call.signal })) !== undefined
  if (!isKept || backend.changesSince === undefined) return noSerials()
  const changes = await backend.changesSince(serial, { limit: maxChanges, signal: call.signal })
  const rows = changes.map(({ project, version, timeMs, action, serial: own }): XmlRpcValue => {
    return [project, version ?? null, Math.floor(timeMs / 1000), action, integer(own)]
  })
  return streamed(arrayResponse(rows))
}

async function listPackages(_: readonly XmlRpcValue[], { services: { index } }: MethodContext) {
  return streamed(arrayResponse(await index.names()))
}

async function listWithSerial(_: readonly XmlRpcValue[], { call, services: { backend, index } }: MethodContext) {
  if ((await backend.lastSerial?.({ signal: call.signal })) === undefined) return noSerials()
  const summaries = await index.summaries()
  return streamed(structResponse(summaries.map(({ name, serial = 0 }) => [name, integer(serial)] as const)))
}

/** Newest first; those of which every file is yanked only with a second parameter that is true. */
async function packageReleases([name, showHidden]: readonly XmlRpcValue[], context: MethodContext) {
  const project = await projectOf(name, context)
  if (project === 'wrong') return { wrong: 'package_releases takes the name of a project' }
  const releases = project === undefined ? [] : releasesOf(project.files)
  const shown = releases.filter(({ yanked }) => yanked === undefined || showHidden === true || showHidden === 1)
  return methodResponse(shown.map(({ version }) => version).reverse())
}

async function releaseUrls(params: readonly XmlRpcValue[], context: MethodContext) {
  const found = await releaseOf(params, context)
  if ('wrong' in found) return found
  return methodResponse(xmlValue(found.release === undefined ? [] : urlsOf(found.release, context.call.baseUrl)))
}

async function releaseData(params: readonly XmlRpcValue[], context: MethodContext) {
  const found = await releaseOf(params, context)
  if ('wrong' in found) return found
  const { project, release } = found
  if (project === undefined || release === undefined) return methodResponse(new Map())
  const { call, services, readMetadata } = context
  const metadata = await readMetadata(services.backend, project, release, { signal: call.signal })
  return methodResponse(xmlValue(infoOf(release, metadata, call.baseUrl)))
}

/** The release that a call is about; nothing where there is none, as PyPI had it. */
async function releaseOf(
  [name, version]: readonly XmlRpcValue[],
  context: MethodContext,
): Promise<{ readonly wrong: string } | { readonly project?: Project; readonly release?: Release }> {
  const project = await projectOf(name, context)
  if (project === 'wrong' || typeof version !== 'string')
    return { wrong: 'the name of a project and a version are needed' }
  const release = project && findRelease(releasesOf(project.files), version)
  return { ...(project && { project }), ...(release && { release }) }
}

async function projectOf(
  name: XmlRpcValue | undefined,
  { services, access }: MethodContext,
): Promise<Project | undefined | 'wrong'> {
  if (typeof name !== 'string' || name === '') return 'wrong'
  const normalized = normalizeName(name)
  await access.require('list', normalized)
  return await services.index.project(normalized)
}

function noSerials(): { readonly wrong: string } {
  return { wrong: 'this index keeps no serials at the moment' }
}

/** XML-RPC's `int` has 32 bits. */
function integer(value: number): number | bigint {
  return (value | 0) === value ? value : BigInt(value)
}

/** What the JSON API writes, as XML-RPC has it; times become dates. */
function xmlValue(json: unknown, key = ''): XmlRpcValue {
  if (Array.isArray(json)) return json.map((item) => xmlValue(item))
  if (typeof json === 'string') return key === 'upload_time' ? new Date(`${json}Z`) : json
  if (typeof json === 'number') return integer(json)
  if (typeof json === 'boolean') return json
  if (typeof json !== 'object' || json === null) return null
  return new Map(Object.entries(json).map(([name, value]) => [name, xmlValue(value, name)]))
}

/** Other requests get their turn between the parts. */
function streamed(parts: Iterable<string>): Readable {
  return Readable.from(
    (async function* () {
      for (const part of parts) {
        yield Buffer.from(part)
        await setImmediate()
      }
    })(),
  )
}
