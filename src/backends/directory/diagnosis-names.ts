import { releaseKey } from '../../packaging/version.js'
import type { FoundFile } from './diagnosis-survey.js'
import { type Finding, finding } from './finding.js'

/** A file, and what its bytes say. */
export interface LookedInto {
  readonly file: FoundFile
  /** Lower-case hex; absent when it cannot be read. */
  readonly sha256?: string
  readonly isShown: boolean
  readonly findings: readonly Finding[]
}

/** Tells of files that stand in each other's way: at one path in two directories, of one name, of one release. */
export function diagnoseNames(looked: readonly LookedInto[]): readonly Finding[] {
  const groups = new Map<string, LookedInto[]>()
  for (const one of looked) {
    if (!one.isShown) continue
    const key = keyOf(one)
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  return [...groups.values()].flatMap(([first, ...others]) => {
    return first === undefined ? [] : others.map((other) => conflict(first, other))
  })
}

/** The same for two spellings of one file name. */
function keyOf({ file: { parsed } }: LookedInto): string {
  const { filename, name, project, version, kind } = parsed
  const lead = `${project}-${version}`
  const rest = filename.startsWith(lead) ? filename.slice(lead.length) : filename
  return `${name} ${releaseKey(version)} ${kind} ${rest.toLowerCase()}`
}

function conflict(first: LookedInto, other: LookedInto): Finding {
  const isSame = first.sha256 !== undefined && first.sha256 === other.sha256
  const bytes = isSame ? 'the same bytes' : 'other bytes'
  const { rootPath, path, parsed } = first.file
  if (path === other.file.path) {
    return finding(other.file, 'shadowed', 'skipped', `${rootPath} comes first and has ${bytes} at this path`)
  }
  const severity = isSame ? 'notice' : 'broken'
  const where = `${path} of ${rootPath}`
  if (parsed.filename === other.file.parsed.filename) {
    const reason = `${where} has this name as well, and ${bytes}: clients take either; keep one`
    return finding(other.file, 'duplicate', severity, reason)
  }
  const reason = `another spelling of ${where}, with ${bytes}: to clients they are the same file; keep one`
  return finding(other.file, 'spelling', severity, reason)
}
