import { stat } from 'node:fs/promises'
import pLimit from 'p-limit'
import { errorCode, errorMessage } from '../errors.js'
import { isProjectName, type NormalizedName, normalizeVersion, PypiServerError, uploadedProjects } from '../index.js'
import { escapeControlCharacters } from '../util/control-characters.js'
import type { LineSink } from './log.js'
import { absolutePath } from './paths.js'
import { type LocalFile, takeInventory } from './update-files.js'
import { ignoreRule } from './update-ignores.js'
import { askIndex, type IndexAddress, parseIndexAddress } from './update-index.js'
import type { UpdateOptions } from './update-options.js'
import { type Download, pipCommandLine, runPip } from './update-pip.js'
import { drawBar, type Outcome, writeMarks } from './update-progress.js'
import { newerRelease, releasesOf } from './update-releases.js'

/** What `update` writes to and lives in. */
export interface UpdateIo {
  /** @default process.stdout */
  readonly stdout?: LineSink
  /** Problems, and on a terminal the bar. @default process.stderr */
  readonly stderr?: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** Of pip; its `PATH` says which pip. @default process.env */
  readonly env?: Readonly<NodeJS.ProcessEnv>
  /** Stops outstanding requests and pip. @default never */
  readonly signal?: AbortSignal
  /** For the answer about one project. @default 15 000 */
  readonly timeoutMs?: number
}

/** Everything that was found out before the index is asked. */
interface Plan {
  readonly options: UpdateOptions
  readonly index: IndexAddress
  readonly files: readonly LocalFile[]
  /** Lines about what is not asked although nobody said so. */
  readonly skipped: readonly string[]
  /** Lines about what could not be read. */
  readonly problems: readonly string[]
}

interface Update {
  readonly file: LocalFile
  readonly version: string
}

type Io = Required<Omit<UpdateIo, 'signal'>> & { readonly signal: AbortSignal | undefined }

const concurrency = 10

/**
 * Tells which projects of the directories have newer releases on an index, and how pip gets them; with `execute` pip does.
 * Fulfils with the exit code: 0 when everything was checked (also when updates were found), 1 when a directory or project
 * could not be, when a pip command failed or the signal came, 2 for wrong arguments. Reports all of these itself.
 */
export async function update(options: UpdateOptions, io: UpdateIo = {}): Promise<number> {
  const { stdout = process.stdout, stderr = process.stderr, env = process.env, signal, timeoutMs = 15_000 } = io
  const filled = { stdout, stderr, env, signal, timeoutMs }
  try {
    return await carryOut(await planOf(options), filled)
  } catch (error) {
    if (!(error instanceof PypiServerError && error.code === 'ERR_PYPI_CONFIG')) throw error
    complain(filled, `pypi-server: error: ${error.message}`)
    return 2
  }
}

async function planOf(options: UpdateOptions): Promise<Plan> {
  const index = parseIndexAddress(options.index_url)
  const isIgnored = await ignoreRule(options)
  const uploaded = await uploadedNames(options.package_directory)
  await checkDownloadDirectory(options)
  const { files, problems } = await takeInventory(options.package_directory)
  const kept = files
    .filter(({ name }) => !isIgnored(name) && !uploaded.has(name))
    .map((file) => ({ file, reason: reasonToSkip(file) }))
  return {
    options,
    index,
    problems,
    files: kept.filter(({ reason }) => reason === undefined).map(({ file }) => file),
    skipped: kept.flatMap(({ file, reason }) => (reason === undefined ? [] : [`${file.filename}: ${reason}`])),
  }
}

/** Projects to which somebody uploaded here: their names are ours, and nobody outside is told of them. */
async function uploadedNames(directories: readonly string[]): Promise<ReadonlySet<NormalizedName>> {
  const names = new Set<NormalizedName>()
  for (const directory of directories.map(absolutePath)) {
    const uploaded = await uploadedProjects(directory).catch((error: unknown) => {
      // Without it names that must stay here could be sent out.
      const text = `cannot tell which projects were uploaded to ${directory}: ${errorMessage(error)}`
      throw new PypiServerError('ERR_PYPI_CONFIG', text, { cause: error })
    })
    for (const name of uploaded) names.add(name)
  }
  return names
}

async function checkDownloadDirectory({ download_directory: path }: UpdateOptions): Promise<void> {
  if (path === undefined) return
  const problem = await stat(path).then((found) => (found.isDirectory() ? undefined : 'ENOTDIR'), errorCode)
  if (problem === undefined) return
  throw new PypiServerError('ERR_PYPI_CONFIG', `argument -d/--download-directory: cannot use ${path}: ${problem}`)
}

function reasonToSkip({ project, version }: LocalFile): string | undefined {
  // What is no project name could be an option of pip.
  if (!isProjectName(project)) return `${JSON.stringify(project)} is no project name`
  if (version === '') return 'there is no version in its name'
  return normalizeVersion(version) === undefined ? `${JSON.stringify(version)} is no version` : undefined
}

async function carryOut(plan: Plan, io: Io): Promise<number> {
  const { files, index, options, skipped, problems } = plan
  io.stdout.write(`checking ${files.length} packages for newer version\n`)
  const outcomes = await askAll(plan, io)
  const checked = files.map((file, at) => ({ file, outcome: outcomes[at] }))
  const failed = checked.flatMap(({ file, outcome }) =>
    outcome?.kind === 'failed' ? [`${file.project}: ${outcome.reason}`] : [],
  )
  for (const line of skipped) complain(io, `skipped ${line}`)
  for (const line of [...problems, ...failed]) complain(io, `error: ${line}`)
  if (io.signal?.aborted) return stopped(io)
  const unknown = checked.filter(({ outcome }) => outcome?.kind === 'unknown').map(({ file }) => file.project)
  if (unknown.length > 0) io.stdout.write(`no releases found on ${index.shown} for ${unknown.join(', ')}\n\n`)
  const updates = checked.flatMap(({ file, outcome }) =>
    outcome?.kind === 'newer' ? [{ file, version: outcome.version }] : [],
  )
  const isDone = await tellUpdates(updates, { index, options, io })
  if (io.signal?.aborted) return stopped(io)
  return isDone && failed.length + problems.length === 0 ? 0 : 1
}

async function askAll(plan: Plan, io: Io): Promise<readonly Outcome[]> {
  const limit = pLimit(concurrency)
  const outcomes = plan.files.map((file) => limit(() => check(file, plan, io)))
  await (io.stderr.isTTY ? drawBar(outcomes, io.stderr) : writeMarks(outcomes, io.stdout))
  return await Promise.all(outcomes)
}

/** Never rejects for what the index does: one project must not keep the others from being checked. */
async function check(file: LocalFile, { index, options }: Plan, { signal, timeoutMs }: Io): Promise<Outcome> {
  try {
    const page = await askIndex(index, file.name, { signal, timeoutMs })
    if (page === undefined || releasesOf(page, file.name).length === 0) return { kind: 'unknown' }
    const version = newerRelease(page, file, options.allow_unstable ? 'unstable' : 'stable')
    return version === undefined ? { kind: 'current' } : { kind: 'newer', version }
  } catch (error) {
    if (!(error instanceof PypiServerError)) throw error
    return signal?.aborted ? { kind: 'stopped' } : { kind: 'failed', reason: errorMessage(error) }
  }
}

interface Surroundings {
  readonly index: IndexAddress
  readonly options: UpdateOptions
  readonly io: Io
}

/** Prints every update, and runs it where that is wanted; whether nothing failed. */
async function tellUpdates(updates: readonly Update[], { index, options, io }: Surroundings): Promise<boolean> {
  let failures = 0
  for (const { file, version } of updates) {
    if (io.signal?.aborted) return false
    const download = downloadOf(file, version, options)
    io.stdout.write(`# update ${file.project} from ${file.version} to ${version}\n`)
    io.stdout.write(`${pipCommandLine(download, index)}\n\n`)
    const problem = options.execute ? await runPip(download, index, io) : undefined
    if (problem === undefined) continue
    complain(io, `error: ${file.project}: ${problem}`)
    failures += 1
  }
  if (failures > 0) complain(io, `error: ${failures} of ${updates.length} pip commands failed`)
  return failures === 0
}

function downloadOf({ project, folder }: LocalFile, version: string, options: UpdateOptions): Download {
  return { project, version, directory: options.download_directory ?? folder }
}

function stopped(io: Io): number {
  complain(io, 'error: stopped')
  return 1
}

function complain({ stderr }: Io, line: string): void {
  // Reasons may come from the index.
  stderr.write(`${escapeControlCharacters(line)}\n`)
}
