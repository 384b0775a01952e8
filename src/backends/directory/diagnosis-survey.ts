import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../../errors.js'
import { maxFilenameBytes, type ParsedFilename, parseFilename } from '../../packaging/filename.js'
import type { Finding, FindingKind } from './finding.js'
import { companionTarget, isVisibleName, joinPath, maxDepth, stateFolder } from './layout.js'

/** A distribution file as the directory backend would list it. */
export interface FoundFile {
  /** Index of its directory. */
  readonly root: number
  /** Absolute path of that directory. */
  readonly rootPath: string
  /** Relative to it, forward slashes. */
  readonly path: string
  readonly parsed: ParsedFilename
}

/** What lies below one directory. */
export interface Survey {
  readonly files: readonly FoundFile[]
  readonly findings: readonly Finding[]
  /** Files that are not served although their names are those of distribution files. */
  readonly skipped: readonly FoundFile[]
}

interface Root {
  readonly root: number
  readonly path: string
}

interface Walk extends Root {
  readonly files: FoundFile[]
  readonly findings: Finding[]
  readonly skipped: FoundFile[]
}

interface Folder {
  readonly path: string
  readonly depth: number
}

/** Walks one directory by the rules of serving; whatever cannot be read is a finding. Rejects when the signal aborts. */
export async function surveyRoot(root: Root, signal: AbortSignal | undefined): Promise<Survey> {
  const walk: Walk = { ...root, files: [], findings: [], skipped: [] }
  const pending: Folder[] = [{ path: '', depth: 1 }]
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    signal?.throwIfAborted()
    const entries = await readFolder(walk, folder)
    const names = new Set(entries.map(({ name }) => name))
    for (const entry of entries) {
      if (!isLookedAt(walk, folder, entry)) continue
      if (entry.isDirectory())
        enter(walk, pending, { path: joinPath(folder.path, entry.name), depth: folder.depth + 1 })
      else await takeFile(walk, joinPath(folder.path, entry.name), entry, names)
    }
  }
  return walk
}

async function readFolder(walk: Walk, { path }: Folder): Promise<readonly Dirent[]> {
  try {
    return await readdir(join(walk.path, path), { withFileTypes: true })
  } catch (error) {
    const code = errorCode(error)
    // A folder that was removed meanwhile is nobody's problem; the directory itself is.
    if (code !== 'ENOENT' || path === '') {
      const consequence = 'while it is so, unknown names are answered 503, since nobody can tell what is in there'
      note(walk, path, 'unreadable-directory', `cannot be read by this user (${code}): ${consequence}`)
    }
    return []
  }
}

function isLookedAt(walk: Walk, { path }: Folder, { name }: Dirent): boolean {
  if (isVisibleName(name)) return true
  const at = joinPath(path, name)
  if (name.startsWith('.')) {
    if (name !== stateFolder || path !== '') note(walk, at, 'hidden', 'its name begins with a dot')
    return false
  }
  const reason = name.includes('\ufffd') ? 'its name is not UTF-8' : 'its name has control characters'
  note(walk, at, 'unusable-name', `${reason}: rename it`)
  return false
}

function enter(walk: Walk, pending: Folder[], folder: Folder): void {
  if (folder.depth <= maxDepth + 1) pending.push(folder)
  else note(walk, folder.path, 'too-deep', `more than ${maxDepth} directories deep: not entered`)
}

async function takeFile(walk: Walk, path: string, entry: Dirent, names: ReadonlySet<string>): Promise<void> {
  const { name } = entry
  const companion = companionTarget(name)
  const parsed = companion === undefined ? parseFilename(name) : undefined
  const file = parsed && { root: walk.root, rootPath: walk.path, path, parsed }
  const problem = await typeProblem(join(walk.path, path), entry)
  if (problem !== undefined) {
    note(walk, path, ...problem)
    if (file !== undefined && problem[0] === 'broken-link') walk.skipped.push(file)
  } else if (file !== undefined) walk.files.push(file)
  else if (companion === undefined) note(walk, path, ...nameProblem(name))
  else if (!names.has(companion)) note(walk, path, 'lone-companion', `${companion} is not beside it`)
}

type Problem = readonly [kind: FindingKind, reason: string]

async function typeProblem(path: string, entry: Dirent): Promise<Problem | undefined> {
  if (entry.isFile()) return undefined
  if (!entry.isSymbolicLink()) return ['special-file', 'it is neither a file nor a directory']
  const target = await stat(path).catch((error: unknown) => errorCode(error) ?? 'EIO')
  if (typeof target === 'string') {
    const why = target === 'ENOENT' ? 'leads to nothing' : `cannot be followed (${target})`
    return ['broken-link', `a symbolic link that ${why}`]
  }
  if (target.isFile()) return undefined
  if (!target.isDirectory()) return ['special-file', 'a symbolic link to what is no file']
  return ['linked-directory', 'a symbolic link to a directory is not entered: name the directory itself as well']
}

const extension = /\.(?:whl|egg|zip|tar\.gz|tgz|tar\.bz2|tar\.xz|exe|msi)$/i

function nameProblem(name: string): Problem {
  const [suffix] = extension.exec(name) ?? []
  if (suffix === undefined) return ['other-file', 'its name is not that of a distribution file']
  if (Buffer.byteLength(name) > maxFilenameBytes)
    return ['unparsable-name', `its name is longer than ${maxFilenameBytes} bytes`]
  const form =
    suffix.toLowerCase() === '.whl' ? 'NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl' : `NAME-VERSION${suffix}`
  return ['unparsable-name', `its name tells no project: distribution files are called ${form}`]
}

const severities: Partial<Record<FindingKind, Finding['severity']>> = {
  'unreadable-directory': 'broken',
  'broken-link': 'broken',
  'unusable-name': 'broken',
  'unparsable-name': 'broken',
}

function note({ path: root, findings }: Walk, path: string, kind: FindingKind, reason: string): void {
  findings.push({ kind, severity: severities[kind] ?? 'skipped', root, path, reason })
}
