import type { DistributionFile, Project, ProjectSummary } from '../backend.js'
import { encodePathSegment } from '../http/links.js'
import { fileFragment, fileUrl, type LinkOptions, secureProvenanceUrl } from './file-links.js'
import { type Html, html, htmlPage, htmlPageEnd, htmlPageStart, onOneLine } from './html.js'

const projectsPerPiece = 1000

// Frozen at 1.4 for HTML (PEP 833); 1.1 to 1.4 add nothing mandatory to this form.
const repositoryVersion = '1.4'

/** The project list (PEP 503) in pieces: one anchor a line, for clients that read it with patterns. */
export function* projectListHtml(projects: readonly Pick<ProjectSummary, 'name'>[]): Generator<string> {
  yield htmlPageStart('Simple Index', [versionMeta()])
  yield '<h1>Simple Index</h1>\n'
  for (let start = 0; start < projects.length; start += projectsPerPiece) {
    const some = projects.slice(start, start + projectsPerPiece)
    yield some.map(({ name }) => html`<a href="${encodePathSegment(name)}/">${name}</a><br>\n`.markup).join('')
  }
  yield htmlPageEnd
}

/** A project's page (PEP 503, 592, 629, 658/714, 740, 792). */
export function projectHtml(project: Project, links: LinkOptions): string {
  const title = `Links for ${project.name}`
  const rows = project.files.map((file) => fileRow(file, links))
  return htmlPage(title, html`<h1>${title}</h1>\n${rows}`, [versionMeta(), ...statusMetas(project.status)])
}

/** Every file on one page, by its path. */
export function fileListHtml(files: readonly DistributionFile[], links: LinkOptions): string {
  const title = 'Index of packages'
  const rows = files.map((file) => {
    return html`<a href="${fileUrl(file, links) + fileFragment(file, links)}">${file.path}</a><br>\n`
  })
  return htmlPage(title, html`<h1>${title}</h1>\n${rows}`)
}

function fileRow(file: DistributionFile, links: LinkOptions): Html {
  return html`<a href="${fileUrl(file, links) + fileFragment(file, links)}"${[
    attribute('data-requires-python', file.requiresPython),
    attribute('data-core-metadata', file.coreMetadata && digestText(file.coreMetadata)),
    attribute('data-gpg-sig', file.hasSignature ? 'true' : undefined),
    // Without a value pip does not see the attribute (PEP 592 would let it).
    attribute('data-yanked', file.yanked && (file.yanked.reason ?? '')),
    attribute('data-provenance', secureProvenanceUrl(file, links)),
  ]}>${onOneLine(file.filename)}</a><br>\n`
}

function attribute(name: string, value: string | undefined): Html {
  return value === undefined ? html`` : html` ${name}="${onOneLine(value)}"`
}

function digestText({ sha256 }: Readonly<Record<string, string>>): string {
  return sha256 === undefined ? 'true' : `sha256=${sha256}`
}

function versionMeta(): Html {
  return html`<meta name="pypi:repository-version" content="${repositoryVersion}">\n`
}

function statusMetas(status: Project['status']): readonly Html[] {
  if (status === undefined) return []
  const { status: word, reason } = status
  return [
    html`<meta name="pypi:project-status" content="${word}">\n`,
    reason === undefined ? html`` : html`<meta name="pypi:project-status-reason" content="${onOneLine(reason)}">\n`,
  ]
}
