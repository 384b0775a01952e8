import { parseFilename } from '../../packaging/filename.js'
import { normalizeName } from '../../packaging/name.js'
import { companionTarget } from './layout.js'

/** Names that are not, lower case is told of letter by letter. */
const ascii = /^[\0-\x7f]*$/

/** Tells whether a file of this name belongs to one of these projects, or stands beside one that does. */
export function isOfProjects(projects: readonly string[]): (name: string) => boolean {
  const wanted = new Set(projects)
  return (name) => {
    // Nearly all names are told by how they begin, which takes a tenth of the time.
    const normal = normalizeName(name)
    if (ascii.test(name) && !projects.some((project) => normal.startsWith(project))) return false
    return wanted.has(parseFilename(companionTarget(name) ?? name)?.name ?? '')
  }
}
