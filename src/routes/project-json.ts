import type { Project } from '../backend.js'
import type { ReadReleaseMetadata } from '../domain/release-metadata.js'
import { findRelease, latestRelease, releasesOf } from '../domain/releases.js'
import { encodePathSegment, relativePrefix } from '../http/links.js'
import type { Call, Reply } from '../http/message.js'
import { normalizeName } from '../packaging/name.js'
import { releaseJson } from '../render/project-json.js'
import { pageHeaders, textPage } from './pages.js'
import type { Handler, Services } from './route.js'
import { serialHeader } from './serial-header.js'

/**
 * PyPI's JSON API: `/pypi/<project>/json`, which describes the latest release and lists all of them, and
 * `/pypi/<project>/<version>/json`. Costs one project and the core metadata of one file.
 */
export function projectJson(readMetadata: ReadReleaseMetadata): Handler {
  return async (call, services) => {
    const { project: asked = '', version } = call.params
    const name = normalizeName(asked)
    if (name !== asked || call.path.endsWith('/')) return movedPermanently(call, name, version)
    const project = await services.index.project(name)
    const body = project && (await describe(project, call, services, readMetadata))
    if (body === undefined) return notFound()
    const headers = { ...pageHeaders('application/json', services.isPrivate('list')), ...serialHeader(project?.serial) }
    return services.pages.reply(call, textPage(body, headers))
  }
}

async function describe(
  project: Project,
  { params: { version }, baseUrl, signal }: Call,
  { backend }: Services,
  readMetadata: ReadReleaseMetadata,
): Promise<string | undefined> {
  const releases = releasesOf(project.files)
  const release = version === undefined ? latestRelease(releases) : findRelease(releases, version)
  if (release === undefined) return undefined
  const metadata = await readMetadata(backend, project, release, { signal })
  const { serial } = project
  return releaseJson({ release, metadata, serial, ...(version === undefined && { releases }) }, baseUrl)
}

function movedPermanently({ path }: Call, name: string, version: string | undefined): Reply {
  const segments = [name, ...(version === undefined ? [] : [version])].map(encodePathSegment)
  return { status: 301, headers: { location: `${relativePrefix(path)}pypi/${segments.join('/')}/json` } }
}

/** PyPI's words, in its type whatever the client accepts: readers parse them. */
function notFound(): Reply {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return { status: 404, headers, body: JSON.stringify({ message: 'Not Found' }) }
}
