import type { DistributionFile } from '../backend.js'
import { encodePath, encodePathSegment } from '../http/links.js'

/** Which digest pages show where there is room for one only. */
export interface LinkOptions {
  /** Leads from the page back to the mount point: `../../` for a project page. */
  readonly toRoot: string
  /** Digest in link fragments, named as in hashlib; `false` leaves fragments out. @default sha256 */
  readonly fragment?: string | false
  /** How pages tell of provenance. @default not at all */
  readonly provenance?: ProvenanceLinks
}

/** Where provenance is, and whose is shown. */
export interface ProvenanceLinks {
  readonly isShown: (file: DistributionFile) => boolean
  /** Public https address of the mount point, with a trailing slash, if it is known. */
  readonly secureBase?: string
}

/** The file's address as seen from a page; relative, so that no prefix, host or proxy matters. */
export function fileUrl(file: DistributionFile, { toRoot }: LinkOptions): string {
  return `${toRoot}packages/${encodePath(file.path)}`
}

/**
 * The address of a file's provenance, `undefined` when there is none to show: absolute where the index knows its own https
 * address, else relative to the page.
 */
export function provenanceUrl(file: DistributionFile, { toRoot, provenance }: LinkOptions): string | undefined {
  if (provenance === undefined || file.version === '' || !provenance.isShown(file)) return undefined
  const { project, version, filename } = file
  const path = ['integrity', project, version, filename, 'provenance'].map(encodePathSegment).join('/')
  return (provenance.secureBase ?? toRoot) + path
}

/** As {@link provenanceUrl}; PEP 740 takes nothing but absolute https addresses in HTML. */
export function secureProvenanceUrl(file: DistributionFile, links: LinkOptions): string | undefined {
  return links.provenance?.secureBase === undefined ? undefined : provenanceUrl(file, links)
}

/** PEP 503: room for one digest; `#sha256=…`, or nothing while it is not known. */
export function fileFragment(file: DistributionFile, { fragment = 'sha256' }: LinkOptions): string {
  const digest = fragment === false ? undefined : file.hashes[fragment]
  return digest === undefined ? '' : `#${fragment}=${digest}`
}
