import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { NormalizedName } from '../../backend.js'
import { deadSpoolFiles } from '../../digests/spool.js'
import { errorCode, errorMessage, undefinedIf } from '../../errors.js'
import { deadLocks } from '../../util/lock-file.js'
import type { FoundFile } from './diagnosis-survey.js'
import { type Finding, finding } from './finding.js'
import { joinPath, locksFolder, projectsFolder, spoolFolder, stateFolder } from './layout.js'
import { readDocuments } from './project-documents.js'

/** What was found below the directories. */
export interface FoundFiles {
  /** All that count as files of a project, shown or not. */
  readonly files: readonly FoundFile[]
  /** Those of which nobody would know. */
  readonly skipped: readonly FoundFile[]
}

/** Tells what is wrong with what is kept beside the files, and which names lead to a fallback. */
export async function diagnoseState(roots: readonly string[], found: FoundFiles): Promise<readonly Finding[]> {
  const [first = ''] = roots
  const { findings, uploaded } = await documentFindings(first)
  const others = await Promise.all(roots.slice(1).map(ignoredState))
  const leftovers = await Promise.all(roots.map(leftoversIn))
  return [...findings, ...others.flat(), ...leftovers.flat(), ...fallbackFindings(first, uploaded, found)]
}

interface Documents {
  readonly findings: readonly Finding[]
  /** Names to which somebody uploaded; `undefined` when it cannot be told. */
  readonly uploaded: ReadonlySet<NormalizedName> | undefined
}

async function documentFindings(root: string): Promise<Documents> {
  const findings: Finding[] = []
  const uploaded = new Set<NormalizedName>()
  try {
    for await (const { filename, name, document, problem } of readDocuments(root)) {
      if (name !== undefined && document?.isUploaded) uploaded.add(name)
      if (problem === undefined) continue
      const consequence = name === undefined ? '' : `; project ${name} is answered 503 until it is repaired or removed`
      const reason = `cannot be understood: ${problem}${consequence}`
      findings.push(documentFinding(root, filename, reason))
    }
    return { findings, uploaded }
  } catch (error) {
    const reason = `cannot be read: ${errorCode(error) ?? errorMessage(error)}`
    return { findings: [documentFinding(root, '', reason)], uploaded: undefined }
  }
}

function documentFinding(root: string, filename: string, reason: string): Finding {
  const path = joinPath(joinPath(stateFolder, 'projects'), filename).replace(/\/$/, '')
  return finding({ rootPath: root, path }, 'unreadable-document', 'broken', reason)
}

async function ignoredState(root: string): Promise<readonly Finding[]> {
  const names = await readdir(projectsFolder(root)).catch(() => [])
  if (names.length === 0) return []
  const reason = `yanks, statuses and reserved names of ${names.length} projects have no effect here: those of the first directory have`
  return [finding({ rootPath: root, path: `${stateFolder}/projects` }, 'ignored-state', 'notice', reason)]
}

async function leftoversIn(root: string): Promise<readonly Finding[]> {
  try {
    const found = [...(await deadSpoolFiles(spoolFolder(root))), ...(await deadLocks(locksFolder(root)))]
    const leftovers: Finding[] = []
    for (const path of found) {
      const stats = await lstat(path).catch(undefinedIf('ENOENT'))
      if (stats === undefined) continue
      const at = { rootPath: root, path: path.slice(join(root, '/').length).replaceAll('\\', '/') }
      const reason = `${stats.size} bytes that a process left which ended too early: the next start removes it`
      leftovers.push(finding(at, 'leftover', 'notice', reason))
    }
    return leftovers
  } catch (error) {
    // Spooled uploads are for the eyes of whoever runs the server.
    const reason = `cannot be read by this user (${errorCode(error) ?? errorMessage(error)}): leftovers are not looked for`
    return [finding({ rootPath: root, path: stateFolder }, 'leftover', 'notice', reason)]
  }
}

const shownNames = 5

function fallbackFindings(
  root: string,
  uploaded: ReadonlySet<NormalizedName> | undefined,
  { files, skipped }: FoundFiles,
): readonly Finding[] {
  // What cannot be told was told of already, and leads nowhere.
  if (uploaded === undefined) return []
  const known = new Set(files.map(({ parsed }) => parsed.name))
  const leading = skipped
    .filter(({ parsed: { name } }) => !known.has(name) && !uploaded.has(name))
    .map((file) => {
      const reason = `no file of ${file.parsed.name} is served, so requests for it are redirected to the fallback, unless that is off (--disable-fallback)`
      return finding(file, 'leads-to-fallback', 'broken', reason)
    })
  const unreserved = [...known].filter((name) => !uploaded.has(name)).sort()
  if (unreserved.length === 0) return leading
  const names = `${unreserved.slice(0, shownNames).join(', ')}${unreserved.length > shownNames ? ', …' : ''}`
  const subject = `${unreserved.length === 1 ? '1 project was' : `${unreserved.length} projects were`} copied in and never uploaded`
  const reason = `${subject} (${names}): once its last file is taken away by hand, a name leads to the fallback; pypi-server delete keeps it taken`
  return [...leading, finding({ rootPath: root, path: '' }, 'unreserved-names', 'notice', reason)]
}
