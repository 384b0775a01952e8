import { lstat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import pLimit from 'p-limit'
import type { NormalizedName } from '../../backend.js'
import { errorCode, errorMessage } from '../../errors.js'
import { parseCoreMetadata } from '../../packaging/core-metadata.js'
import { isSpecifierSet } from '../../packaging/specifier.js'
import { normalizeVersion } from '../../packaging/version.js'
import { diagnoseNames, type LookedInto } from './diagnosis-names.js'
import { diagnoseState } from './diagnosis-state.js'
import { type FoundFile, surveyRoot } from './diagnosis-survey.js'
import { createDisk, type Disk } from './disk.js'
import type { Description } from './disk-protocol.js'
import { type Finding, finding } from './finding.js'

export type { Finding, FindingKind } from './finding.js'

/** What {@link diagnoseDirectories} found. */
export interface Diagnosis {
  /** In the order of the directories, then by path. */
  readonly findings: readonly Finding[]
  /** Distribution files that would be listed. */
  readonly fileCount: number
  /** Projects with such files. */
  readonly projectCount: number
}

/** How {@link diagnoseDirectories} behaves; all optional. */
export interface DiagnosisOptions {
  /** Hears after each file how many were read, and how many there are. @default nobody */
  readonly onProgress?: (read: number, total: number) => void
  /** Gives up. @default never */
  readonly signal?: AbortSignal
}

/**
 * Looks at everything below directories as `directory(roots)` would, reads each distribution file to its end, and tells
 * what is skipped or broken and why. Writes nothing, and needs no server to be stopped. Holds one small record a file in
 * memory. What cannot be read is a finding; it rejects only when `signal` aborts.
 */
export async function diagnoseDirectories(
  roots: string | readonly string[],
  { onProgress, signal }: DiagnosisOptions = {},
): Promise<Diagnosis> {
  const paths = (typeof roots === 'string' ? [roots] : roots).map((root) => resolve(root))
  const surveys = []
  for (const [root, path] of paths.entries()) {
    surveys.push(await surveyRoot({ root, path }, signal))
  }
  const files = surveys.flatMap((survey) => survey.files)
  const looked = await lookIntoAll(files, { onProgress, signal })
  const served = looked.filter(({ isShown }) => isShown).map(({ file }) => file)
  const findings = [
    ...surveys.flatMap((survey) => survey.findings),
    ...looked.flatMap(({ findings: found }) => found),
    ...diagnoseNames(looked),
    ...(await diagnoseState(paths, { files, skipped: surveys.flatMap(({ skipped }) => skipped) })),
  ]
  return {
    findings: inOrder(findings, paths),
    fileCount: new Set(served.map(({ path }) => path)).size,
    projectCount: new Set<NormalizedName>(served.map(({ parsed }) => parsed.name)).size,
  }
}

const filesAtOnce = 4

async function lookIntoAll(
  files: readonly FoundFile[],
  { onProgress, signal }: { readonly [K in keyof DiagnosisOptions]: DiagnosisOptions[K] | undefined },
): Promise<readonly LookedInto[]> {
  const disk = createDisk()
  const limit = pLimit(filesAtOnce)
  let read = 0
  const lookAt = async (file: FoundFile): Promise<LookedInto> => {
    signal?.throwIfAborted()
    const found = await lookInto(file, disk)
    read += 1
    onProgress?.(read, files.length)
    return found
  }
  try {
    return await Promise.all(files.map((file) => limit(() => lookAt(file))))
  } finally {
    limit.clearQueue()
    await disk.close()
  }
}

async function lookInto(file: FoundFile, disk: Disk): Promise<LookedInto> {
  const { filename } = file.parsed
  const path = join(file.rootPath, file.path)
  try {
    const description = await disk.ask({ kind: 'describe', path, parsed: file.parsed })
    const digest = await disk.ask({ kind: 'digest', path, filename, algorithms: ['sha256'] })
    const state = description.state === 'complete' ? digest.state : description.state
    const findings = [...findingsOf(file, { ...description, state }), ...versionFindings(file)]
    const sha256 = digest.hashes['sha256']
    return { file, findings, isShown: state !== 'truncated', ...(sha256 !== undefined && { sha256 }) }
  } catch (error) {
    const code = errorCode(error)
    const reason =
      code === 'EACCES' || code === 'EPERM'
        ? `cannot be read by this user (${code}): listed, but downloads of it fail`
        : `cannot be read: ${code ?? errorMessage(error)}`
    // What was removed meanwhile is nobody's problem.
    const isGone = (await lstat(path).catch(errorCode)) === 'ENOENT'
    const findings = isGone ? [] : [finding(file, 'unreadable-file', 'broken', reason)]
    return { file, findings, isShown: !isGone }
  }
}

function findingsOf(file: FoundFile, description: Description): readonly Finding[] {
  const { state, problem, metadata } = description
  const { kind } = file.parsed
  if (state === 'truncated') {
    return [finding(file, 'truncated', 'broken', 'has no end, so it is not shown: copy it again')]
  }
  if (state === 'unreadable') {
    const reason = `${problem ?? 'it is not what its name says, behind its metadata'}: installers will refuse it`
    return [finding(file, 'broken-archive', 'broken', reason)]
  }
  if (problem !== undefined) {
    // Installers read what is in a wheel and refuse what contradicts its name; an sdist is built first.
    const severity = kind === 'wheel' ? 'broken' : 'notice'
    return [finding(file, 'no-metadata', severity, `no metadata is promised: ${problem}`)]
  }
  const requiresPython = metadata && parseCoreMetadata(metadata).requiresPython
  if (requiresPython === undefined || isSpecifierSet(requiresPython)) return []
  const reason = `Requires-Python is ${JSON.stringify(requiresPython)}, which no installer reads: left out of pages`
  return [finding(file, 'bad-requires-python', 'notice', reason)]
}

function versionFindings(file: FoundFile): readonly Finding[] {
  const { version } = file.parsed
  if (normalizeVersion(version) !== undefined) return []
  const said = version === '' ? 'there is no version in its name' : `${JSON.stringify(version)} is no version (PEP 440)`
  return [finding(file, 'bad-version', 'notice', `${said}: listed, but pip passes it over`)]
}

function inOrder(findings: readonly Finding[], roots: readonly string[]): readonly Finding[] {
  const ranks = new Map(roots.map((root, index) => [root, index]))
  const rank = ({ root }: Finding): number => ranks.get(root) ?? roots.length
  return findings.toSorted((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : Number(a.path > b.path)))
}
