declare const brand: unique symbol

/** Lower case, runs of `-`, `_`, `.` collapsed to one `-` (PEP 503). Branded: holding one proves that it was normalized. */
export type NormalizedName = string & { readonly [brand]: 'NormalizedName' }

const separators = /[-_.]+/g
// PEP 508, "Names"; without the `$` trap of a trailing newline because JavaScript's `$` does not match before one.
const validName = /^[A-Z0-9](?:[A-Z0-9._-]*[A-Z0-9])?$/i

/** Longest project name that an upload may carry, in characters. */
export const maxNameLength = 214

/** The one spelling under which a project is looked up and compared (PEP 503, "Normalized Names"). Total: never throws. */
export function normalizeName(name: string): NormalizedName {
  return name.replace(separators, '-').toLowerCase() as NormalizedName
}

/** Whether new projects may carry this name (PEP 508); names in directories may be stranger. */
export function isProjectName(name: string): boolean {
  return name.length <= maxNameLength && validName.test(name)
}
