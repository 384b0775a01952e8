import type { Action, Identity } from './auther.js'
import { below, fieldsOf, listOf, objectOf, parseJson, textsOf, wrong } from './json-shape.js'
import { actionsOf, globsOf, isInScope } from './scope.js'

/** The rules of one reading of a rules file. */
export type RuleSet = readonly Rule[]

interface Rule {
  readonly who: ReadonlySet<string> | 'anyone' | 'authenticated'
  readonly actions: readonly Action[] | 'all'
  /** Normalized globs. */
  readonly projects: readonly string[]
}

type Groups = ReadonlyMap<string, readonly string[]>

// Asked about without a project first and about the project once the upload or the file tells which.
const narrowedLater: ReadonlySet<Action> = new Set<Action>(['download', 'upload', 'remove', 'yank'])

/** Reads the text of a rules file, all or nothing. @throws ERR_PYPI_CONFIG naming the line or the key */
export function parseRules(text: string): RuleSet {
  const { groups = {}, rules } = fieldsOf(parseJson(text), '', ['groups', 'rules'])
  const members = new Map(Object.entries(objectOf(groups, 'groups')).map(([name, value]) => groupOf(name, value)))
  return listOf(rules, 'rules').flatMap((value, index) => rulesOf(value, `rules[${index}]`, members))
}

/** Whether some rule lets somebody do this; null is anonymous. */
export function isAllowed(rules: RuleSet, identity: Identity | null, action: Action, project?: string): boolean {
  const names = namesOf(identity)
  return rules.some((rule) => isFor(rule, names) && isAbout(rule, action, project))
}

/** Under which names somebody is known: a token also under the name of the user whose it is. */
function namesOf(identity: Identity | null): readonly string[] {
  if (identity === null) return []
  const { name, tokenId, user } = identity
  return tokenId !== undefined && typeof user === 'string' ? [name, user] : [name]
}

function isFor({ who }: Rule, names: readonly string[]): boolean {
  if (who === 'anyone') return true
  if (who === 'authenticated') return names.length > 0
  return names.some((name) => who.has(name))
}

function isAbout(rule: Rule, action: Action, project: string | undefined): boolean {
  if (project !== undefined || narrowedLater.has(action)) return isInScope(rule, action, project)
  // The list of all projects shows all of them.
  return isInScope(rule, action) && rule.projects.includes('*')
}

function groupOf(name: string, value: unknown): readonly [string, readonly string[]] {
  const key = below('groups', name)
  const members = textsOf(value, key)
  if (name === '' || name.startsWith('@')) throw wrong(`${key}: groups are named without @ here, and with it in rules`)
  const odd = members.find((member) => member.startsWith('@') || isEverybody(member))
  if (odd === undefined) return [name, members]
  throw wrong(`${key}: ${JSON.stringify(odd)} is no user and no token`)
}

/** One rule of the file; «anyone» and «authenticated» beside names become rules of their own. */
function rulesOf(value: unknown, key: string, groups: Groups): readonly Rule[] {
  const fields = fieldsOf(value, key, ['who', 'may', 'projects'])
  const who = textsOf(fields['who'], below(key, 'who'))
  const actions = actionsOf(fields['may'], below(key, 'may'))
  const { projects: asked = '*' } = fields
  const projects = globsOf(asked, below(key, 'projects'))
  const names = who.filter((name) => !isEverybody(name)).flatMap((name) => membersOf(name, below(key, 'who'), groups))
  return [...who.filter(isEverybody), new Set(names)].map((one) => ({ who: one, actions, projects }))
}

function membersOf(name: string, key: string, groups: Groups): readonly string[] {
  if (!name.startsWith('@')) return [name]
  const members = groups.get(name.slice(1))
  if (members !== undefined) return members
  throw wrong(`${key}: there is no group ${JSON.stringify(name.slice(1))} in groups`)
}

function isEverybody(name: string): name is 'anyone' | 'authenticated' {
  return name === 'anyone' || name === 'authenticated'
}
