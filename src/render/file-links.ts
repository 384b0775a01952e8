import type { DistributionFile } from '../backend.js'
import { encodePath } from '../http/links.js'

/** Which digest pages show where there is room for one only. */
export interface LinkOptions {
  /** Leads from the page back to the mount point: `../../` for a project page. */
  readonly toRoot: string
  /** Digest in link fragments, named as in hashlib; `false` leaves fragments out. @default sha256 */
  readonly fragment?: string | false
}

/** The file's address as seen from a page; relative, so that no prefix, host or proxy matters. */
export function fileUrl(file: DistributionFile, { toRoot }: LinkOptions): string {
  return `${toRoot}packages/${encodePath(file.path)}`
}

/** PEP 503: room for one digest; `#sha256=…`, or nothing while it is not known. */
export function fileFragment(file: DistributionFile, { fragment = 'sha256' }: LinkOptions): string {
  const digest = fragment === false ? undefined : file.hashes[fragment]
  return digest === undefined ? '' : `#${fragment}=${digest}`
}
