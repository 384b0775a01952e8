import type { ReadReleaseMetadata } from '../domain/release-metadata.js'
import { firstPublished, newestFirst, newestOfIndex, type Release, releasesOf } from '../domain/releases.js'
import { encodePathSegment, relativePrefix } from '../http/links.js'
import type { Call, Reply } from '../http/message.js'
import { normalizeName } from '../packaging/name.js'
import { type Feed, type FeedItem, rss } from '../render/feeds.js'
import { projectUrl, spelledName } from '../render/project-json.js'
import { textsOf } from '../render/release-info.js'
import { pageHeaders, textPage } from './pages.js'
import type { Handler, Services } from './route.js'
import { noProject } from './simple.js'

const maxReleases = 100
const maxProjects = 40
const maxReleasesOfProject = 40

/**
 * `/rss/updates.xml`: the 100 newest releases. Every request reads every project, because nothing else tells what is
 * newest now, and then the core metadata of one file for each release shown; between projects other requests get a turn.
 */
export function updatesFeed(readMetadata: ReadReleaseMetadata): Handler {
  return async (call, services) => {
    const { signal, baseUrl } = call
    const newest = await newestOfIndex(services.index, (releases) => releases, { limit: maxReleases, signal })
    const items = await itemsOf(newest, { call, services, readMetadata }, 'release')
    const description = 'The releases that were published last'
    return feedReply(call, services, { title: 'Newest releases', link: baseUrl, description, items })
  }
}

/** `/rss/packages.xml`: the 40 newest projects, each as its first release describes it. Costs as much as {@link updatesFeed}. */
export function projectsFeed(readMetadata: ReadReleaseMetadata): Handler {
  return async (call, services) => {
    const { signal, baseUrl } = call
    const newest = await newestOfIndex(services.index, firstPublished, { limit: maxProjects, signal })
    const items = await itemsOf(newest, { call, services, readMetadata }, 'project')
    const description = 'The projects whose first release was published last'
    return feedReply(call, services, { title: 'Newest projects', link: baseUrl, description, items })
  }
}

/** `/rss/project/<project>/releases.xml`: the 40 newest releases of a project; other spellings of the name lead to it. */
export function projectFeed(readMetadata: ReadReleaseMetadata): Handler {
  return async (call, services) => {
    const { project: asked = '' } = call.params
    const name = normalizeName(asked)
    if (name !== asked) return movedPermanently(call, name)
    const project = await services.index.project(name)
    if (project === undefined) throw noProject(name)
    const newest = newestFirst(releasesOf(project.files), maxReleasesOfProject)
    const items = await itemsOf(newest, { call, services, readMetadata }, 'release')
    const title = `Newest releases of ${name}`
    const description = `The releases of ${name} that were published last`
    return feedReply(call, services, { title, link: projectUrl(name, call.baseUrl), description, items })
  }
}

interface Source {
  readonly call: Call
  readonly services: Services
  readonly readMetadata: ReadReleaseMetadata
}

/** One after the other: a feed has time, and whoever installs something has not. */
async function itemsOf(
  releases: readonly Release[],
  source: Source,
  what: 'release' | 'project',
): Promise<readonly FeedItem[]> {
  const items: FeedItem[] = []
  for (const release of releases) items.push(await itemOf(release, source, what))
  return items
}

async function itemOf(release: Release, source: Source, what: 'release' | 'project'): Promise<FeedItem> {
  const { backend, index } = source.services
  const { signal, baseUrl } = source.call
  const project = await index.project(release.project)
  // Absent when it was removed since the index was read.
  const metadata = project && (await source.readMetadata(backend, project, release, { signal }))
  const name = spelledName(release.project, metadata)
  return {
    id: what === 'project' ? release.project : `${release.project} ${release.version}`,
    title: what === 'project' ? name : `${name} ${release.version}`,
    link: projectUrl(release.project, baseUrl),
    description: metadata?.summary,
    author: textsOf(metadata, 'author-email')[0],
    dateMs: release.publishedMs,
  }
}

function feedReply(call: Call, { pages, isPrivate }: Services, feed: Feed): Reply | Promise<Reply> {
  return pages.reply(call, textPage(rss(feed), pageHeaders('text/xml', isPrivate('list'))))
}

function movedPermanently({ path }: Call, name: string): Reply {
  const location = `${relativePrefix(path)}rss/project/${encodePathSegment(name)}/releases.xml`
  return { status: 301, headers: { location } }
}
