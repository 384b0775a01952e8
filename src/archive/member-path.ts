import { escapeControlCharacters, hasControlCharacters } from '../util/control-characters.js'
import { badArchive } from './archive-error.js'

const longestShown = 120

/** A name out of an archive as messages show it: quoted, on one line, of bounded length. */
export function shownName(name: string): string {
  const text = escapeControlCharacters(name)
  return `"${text.length > longestShown ? `${text.slice(0, longestShown)}…` : text}"`
}

/**
 * Checks that a member's name leads below the folder that the archive is unpacked into, the same way on every system:
 * relative, without `..`, empty segments, backslashes, drives and control characters.
 * @throws `ERR_PYPI_BAD_ARCHIVE`
 */
export function checkMemberPath(path: string): void {
  const problem = pathProblem(path)
  if (problem !== undefined) throw badArchive(`member ${shownName(path)} ${problem}`)
}

function pathProblem(path: string): string | undefined {
  if (path === '') return 'has no name'
  if (hasControlCharacters(path)) return 'has control characters in its name'
  if (path.includes('\\')) return 'has a backslash in its name'
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'has an absolute name'
  // The one slash at the end marks a folder.
  const segments = path.replace(/\/$/, '').split('/')
  if (segments.includes('..')) return 'leads out of the archive (..)'
  if (segments.includes('')) return 'has an empty folder in its name'
  return undefined
}
