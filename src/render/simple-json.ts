import type { DistributionFile, Project, ProjectSummary } from '../backend.js'
import { fileUrl, type LinkOptions, provenanceUrl } from './file-links.js'

const projectsPerPiece = 1000

/** The project list (PEP 691) in pieces; `serial` is that of the whole index. */
export function* projectListJson(projects: readonly ProjectSummary[], serial?: number): Generator<string> {
  yield `{"meta":${JSON.stringify(metaOf(serial))},"projects":[`
  for (let start = 0; start < projects.length; start += projectsPerPiece) {
    const some = projects.slice(start, start + projectsPerPiece)
    const entries = some.map((project) => ({ name: project.name, ...lastSerial(project.serial) }))
    yield (start > 0 ? ',' : '') + JSON.stringify(entries).slice(1, -1)
  }
  yield ']}'
}

/** A project's page (PEP 691, 592, 700, 714, 740, 792). Keys without a value are left out: a `null` makes uv drop the page. */
export function projectJson(project: Project, links: LinkOptions): string {
  return JSON.stringify({
    meta: metaOf(project.serial),
    name: project.name,
    ...(project.status && { 'project-status': project.status }),
    versions: [...new Set(project.files.map((file) => file.version))],
    files: project.files.map((file) => fileEntry(file, links)),
  })
}

function metaOf(serial: number | undefined): object {
  return { ...lastSerial(serial), 'api-version': '1.4' }
}

/** As PyPI has it: keys that begin with `_` are an index's own (PEP 691). */
function lastSerial(serial: number | undefined): object {
  return serial === undefined ? {} : { '_last-serial': serial }
}

function fileEntry(file: DistributionFile, links: LinkOptions): object {
  const provenance = provenanceUrl(file, links)
  return {
    filename: file.filename,
    url: fileUrl(file, links),
    hashes: sha256First(file.hashes),
    ...(file.requiresPython !== undefined && { 'requires-python': file.requiresPython }),
    size: file.size,
    'upload-time': new Date(file.uploadTimeMs).toISOString(),
    // Never the older `dist-info-metadata`: it crashes pip 22.3 to 23.1.
    ...(file.coreMetadata && { 'core-metadata': file.coreMetadata }),
    ...(file.hasSignature && { 'gpg-sig': true }),
    ...(file.yanked && { yanked: file.yanked.reason || true }),
    ...(provenance !== undefined && { provenance }),
  }
}

/** pip looks at the first digest only. */
function sha256First({ sha256, ...others }: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return sha256 === undefined ? others : { sha256, ...others }
}
