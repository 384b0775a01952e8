import { matchesGlob } from '../util/glob.js'
import type { Action, Scope } from './auther.js'
import { below, objectOf, textsOf, wrong } from './json-shape.js'

const actions: Readonly<Record<Action, true>> = {
  list: true,
  download: true,
  upload: true,
  remove: true,
  yank: true,
  admin: true,
}
// What project names are made of (PEP 508, "Names") and the two wildcards: `[a-z]` or `{a,b}` would not do what it says.
const globCharacters = /^[\w.?*-]+$/

/** Whether this was wanted by whoever set the limits; without a project only the action counts. */
export function isInScope({ actions, projects }: Scope, action: Action, project?: string): boolean {
  const isAction = actions === 'all' || actions.includes(action)
  return isAction && (project === undefined || matchesProject(projects, project))
}

/** Whether one of the globs has this normalized name. */
export function matchesProject(globs: readonly string[], project: string): boolean {
  return globs.some((glob) => matchesGlob(glob, project))
}

/** A scope in words: `upload, yank of acme-*`. */
export function describeScope({ actions, projects }: Scope): string {
  return `${actions === 'all' ? 'all actions' : actions.join(', ')} of ${projects.join(', ')}`
}

/**
 * The scope that somebody wrote down, globs normalized. What is none must not be taken for «no limits».
 * @throws ERR_PYPI_CONFIG naming the key
 */
export function scopeOf(value: unknown, key: string): Scope {
  const { actions, projects } = objectOf(value, key)
  return { actions: actionsOf(actions, below(key, 'actions')), projects: globsOf(projects, below(key, 'projects')) }
}

/** `all`, an action, or a list of actions. @throws ERR_PYPI_CONFIG naming the key and the word */
export function actionsOf(value: unknown, key: string): readonly Action[] | 'all' {
  const words = textsOf(value, key)
  if (words.length === 1 && words[0] === 'all') return 'all'
  const unknown = words.find((word) => !Object.hasOwn(actions, word))
  if (unknown === undefined) return words as readonly Action[]
  const names = Object.keys(actions).join(', ')
  throw wrong(`${key}: ${JSON.stringify(unknown)} is none of ${names}, nor "all" alone`)
}

/**
 * One glob or a list of them, each spelled as names are compared (PEP 503, "Normalized Names"), wildcards staying.
 * @throws ERR_PYPI_CONFIG naming the key and the glob
 */
export function globsOf(value: unknown, key: string): readonly string[] {
  return textsOf(value, key).map((glob) => {
    if (globCharacters.test(glob)) return glob.replace(/[-_.]+/g, '-').toLowerCase()
    throw wrong(`${key}: ${JSON.stringify(glob)} is no name with * for any characters and ? for one`)
  })
}
