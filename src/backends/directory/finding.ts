import type { FoundFile } from './diagnosis-survey.js'

/** What is wrong with something in a directory. */
export type FindingKind =
  | 'unreadable-directory'
  | 'unreadable-file'
  | 'broken-link'
  | 'linked-directory'
  | 'too-deep'
  | 'hidden'
  | 'unusable-name'
  | 'unparsable-name'
  | 'other-file'
  | 'special-file'
  | 'lone-companion'
  | 'truncated'
  | 'broken-archive'
  | 'no-metadata'
  | 'bad-requires-python'
  | 'bad-version'
  | 'shadowed'
  | 'duplicate'
  | 'spelling'
  | 'unreadable-document'
  | 'ignored-state'
  | 'leftover'
  | 'leads-to-fallback'
  | 'unreserved-names'

/** Something in a directory that is not served as its owner may think. */
export interface Finding {
  /** What is wrong; the documentation of `pypi-server doctor` has a line on each. */
  readonly kind: FindingKind
  /**
   * `broken`: clients miss it, or fail over it; `skipped`: it is not served, and rarely meant to be; `notice`: it is
   * served, and there is something to know.
   */
  readonly severity: 'broken' | 'skipped' | 'notice'
  /** Absolute path of the directory. */
  readonly root: string
  /** Relative to it, forward slashes; empty for the directory itself. */
  readonly path: string
  /** One line, and what to do about it. */
  readonly reason: string
}

/** A finding about one file. */
export function finding(
  { rootPath, path }: Pick<FoundFile, 'rootPath' | 'path'>,
  kind: FindingKind,
  severity: Finding['severity'],
  reason: string,
): Finding {
  return { kind, severity, root: rootPath, path, reason }
}
