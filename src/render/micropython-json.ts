import type { DistributionFile, Project } from '../backend.js'
import { isPrerelease } from '../packaging/version.js'
import { fileUrl } from './file-links.js'

/**
 * What pypiserver's `/<project>/json` tells: the newest version, and addresses by version, the newest first. upip takes
 * only releases with exactly one file, and can unpack only gzipped tars.
 *
 * @param baseUrl absolute, with a trailing slash: upip cannot resolve relative addresses
 */
export function micropythonJson(project: Project, baseUrl: string, which: 'all files' | 'one file a release'): string {
  const releases = new Map<string, DistributionFile[]>()
  for (const file of project.files.toReversed()) {
    releases.set(file.version, [...(releases.get(file.version) ?? []), file])
  }
  const versions = [...releases.keys()]
  const version = versions.find((candidate) => !isPrerelease(candidate)) ?? versions[0]
  const entries = [...releases].map(([key, files]) => {
    const shown = which === 'all files' ? files : [unpackable(files)]
    return [key, shown.flatMap((file) => (file ? [{ url: fileUrl(file, { toRoot: baseUrl }) }] : []))]
  })
  return JSON.stringify({ info: { version }, releases: Object.fromEntries(entries) })
}

function unpackable(files: readonly DistributionFile[]): DistributionFile | undefined {
  return files.find(({ filename }) => filename.endsWith('.tar.gz')) ?? files[0]
}
