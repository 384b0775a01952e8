import type { Project, ReadOptions } from '../backend.js'
import { PypiServerError } from '../errors.js'
import { negotiateSimple, type SimpleType } from '../http/accept.js'
import { encodePathSegment, relativePrefix } from '../http/links.js'
import type { Call, Headers, Reply } from '../http/message.js'
import { isProjectName, type NormalizedName, normalizeName } from '../packaging/name.js'
import type { LinkOptions } from '../render/file-links.js'
import { projectHtml, projectListHtml } from '../render/simple-html.js'
import { projectJson, projectListJson } from '../render/simple-json.js'
import { andThen } from '../util/awaitable.js'
import { repeatable } from '../util/repeatable.js'
import type { ListState } from './list-pages.js'
import { pageHeaders, textPage } from './pages.js'
import type { Services } from './route.js'
import { serialHeader } from './serial-header.js'

const json = 'application/vnd.pypi.simple.v1+json'

/** The project list (PEP 503, 691); put together once per change by backends that tell their `listRevision`. */
export async function projectList(call: Call, services: Services): Promise<Reply> {
  const { backend, pages } = services
  const type = pageType(call, services)
  const state = await listState(type, services, { signal: call.signal })
  if (backend.listRevision !== undefined) {
    // Whoever asked first may go away while others wait for the same page, so that no signal ends what they wait for.
    const newest = (): Promise<ListState> => listState(type, services)
    return await pages.replyList(call, { key: `${type} list`, state, newest })
  }
  const { pieces, headers } = await state.render()
  return await pages.reply(call, textPage([...pieces].join(''), headers))
}

async function listState(type: SimpleType, services: Services, options: ReadOptions = {}): Promise<ListState> {
  const { backend, index } = services
  // Before the list: what it shows is as new as these say, or newer.
  const [revision, serial] = await Promise.all([backend.listRevision?.(options), backend.lastSerial?.(options)])
  return {
    version: `${revision} ${serial}`,
    render: async () => {
      const projects = await index.summaries()
      const pieces = type === json ? projectListJson(projects, serial) : projectListHtml(projects)
      return { pieces, headers: simpleHeaders(type, services, serial) }
    },
  }
}

/** A project's page; other spellings of the name lead to it, names that do not exist here lead to the fallback. */
export function projectPage(call: Call, services: Services): Reply | Promise<Reply> {
  const { project: asked = '' } = call.params
  const name = normalizeName(asked)
  if (name !== asked) return movedPermanently(call, `../${encodePathSegment(name)}/`)
  const type = pageType(call, services)
  return andThen(services.index.project(name), (project) => {
    if (project === undefined) return missingProject(call, services, name)
    const { revision, serial } = project
    const { fragment, provenanceLinks: provenance } = services
    return services.pages.reply(call, {
      key: `${type} ${name} ${revision} ${serial}`,
      render: () => ({
        text: renderProject(project, type, { toRoot: '../../', fragment, provenance }),
        headers: simpleHeaders(type, services, serial),
      }),
    })
  })
}

/** `/simple`: pages are at the address with the slash (PEP 503). */
export function toSlash(call: Call): Reply {
  return movedPermanently(call, 'simple/')
}

/** `/simple/<project>`: as {@link toSlash}, and to the normalized name at once. */
export function toProjectPage(call: Call): Reply {
  const { project = '' } = call.params
  return movedPermanently(call, `${encodePathSegment(normalizeName(project))}/`)
}

/** `/<project>`, for clients that were given the mount point in place of `simple/`. */
export function toProject(call: Call): Reply {
  const { project = '' } = call.params
  const location = `${relativePrefix(call.path)}simple/${encodePathSegment(normalizeName(project))}/`
  return { status: seeOther(call), headers: { location: withFormat(call, location) } }
}

function pageType({ headers, query }: Call, { pages }: Services): SimpleType {
  const accept = headers['accept']
  const format = query.get('format')
  const type = format === null ? pages.preferredType(accept) : negotiateSimple({ accept, format })
  if (type !== undefined) return type
  throw new PypiServerError('ERR_PYPI_NOT_ACCEPTABLE', `this page is served as ${json} and as text/html`)
}

function renderProject(project: Project, type: SimpleType, links: LinkOptions): string {
  return type === json ? projectJson(project, links) : projectHtml(project, links)
}

function missingProject(call: Call, { fallbackUrl, isReserved }: Services, name: NormalizedName): Reply {
  if (fallbackUrl === undefined || !isProjectName(name) || isReserved(name)) throw noProject(name)
  // Never kept by a cache: the project may exist here a moment later.
  const headers = {
    location: `${fallbackUrl}${encodePathSegment(name)}/`,
    'cache-control': 'no-store',
    // Who accepts no form of a page gets 406 here (RFC 9110 section 12.5.5).
    vary: 'Accept',
  }
  return { status: seeOther(call), headers }
}

/** The answer for a project that is known not to exist. */
export function noProject(name: string): PypiServerError {
  return new PypiServerError('ERR_PYPI_NOT_FOUND', `project ${repeatable(name, 'of this name')} does not exist`)
}

/** What a simple page says of itself, but for what depends on its bytes. */
function simpleHeaders(type: SimpleType, { isPrivate }: Services, serial: number | undefined): Headers {
  return { ...pageHeaders(type, isPrivate('list')), vary: 'Accept', ...serialHeader(serial) }
}

function movedPermanently(call: Call, location: string): Reply {
  return { status: 301, headers: { location: withFormat(call, location), vary: 'Accept' } }
}

/** A redirect inside the index must not lose the form that was asked for. */
function withFormat({ query }: Call, location: string): string {
  const format = query.get('format')
  return format === null ? location : `${location}?format=${encodeURIComponent(format)}`
}

/** HTTP/1.0 clients do not know 303. */
function seeOther({ httpVersion }: Call): 302 | 303 {
  return httpVersion === '1.0' ? 302 : 303
}
