import { type Diagnosis, diagnoseDirectories, type Finding } from '../index.js'
import { escapeControlCharacters } from '../util/control-characters.js'
import { type Colours, coloursFor, type Paint } from './colours.js'
import { requireDirectory } from './directories.js'
import type { DoctorOptions } from './doctor-options.js'
import type { LineSink } from './log.js'
import { resolvedPath } from './paths.js'
import { countingBar } from './progress.js'

/** What `doctor` writes to and lives in. */
export interface DoctorIo {
  /** @default process.stdout */
  readonly stdout?: LineSink & { readonly isTTY?: boolean }
  /** On a terminal, the bar. @default process.stderr */
  readonly stderr?: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** Says whether there are colours. @default process.env */
  readonly env?: Readonly<NodeJS.ProcessEnv>
  /** Gives up, with the exit code 1. @default never */
  readonly signal?: AbortSignal
}

/**
 * Tells what of the directories is skipped or broken. Fulfils with the exit code: 1 when something is broken.
 * @throws CommandError with 2 for a directory that cannot be read
 */
export async function doctor(options: DoctorOptions, io: DoctorIo = {}): Promise<number> {
  const { stdout = process.stdout, stderr = process.stderr, env = process.env, signal } = io
  const roots = await Promise.all(options.directory.map(resolvedPath))
  for (const root of roots) await requireDirectory(root)
  const bar = countingBar(stderr, 'files read')
  let diagnosis: Diagnosis
  try {
    diagnosis = await diagnoseDirectories(roots, { onProgress: bar.update, ...(signal && { signal }) })
  } catch (error) {
    if (!signal?.aborted) throw error
    stderr.write('pypi-server doctor: error: stopped\n')
    return 1
  } finally {
    bar.stop()
  }
  if (options.json) stdout.write(`${JSON.stringify(diagnosis, undefined, 2)}\n`)
  else for (const line of report(diagnosis, roots, coloursFor(stdout, env))) stdout.write(`${line}\n`)
  return diagnosis.findings.some(({ severity }) => severity === 'broken') ? 1 : 0
}

function* report(diagnosis: Diagnosis, roots: readonly string[], colours: Colours): Generator<string> {
  const { findings, fileCount, projectCount } = diagnosis
  for (const root of roots) {
    const here = findings.filter((finding) => finding.root === root)
    if (here.length === 0) continue
    yield colours.strong(escapeControlCharacters(root))
    for (const finding of here) yield line(finding, colours)
    yield ''
  }
  const counts = (['broken', 'skipped', 'notice'] as const).map((severity) => {
    return `${findings.filter((finding) => finding.severity === severity).length} ${severity}`
  })
  yield `${counted(fileCount, 'file')} of ${counted(projectCount, 'project')} to serve; ${counts.join(', ')}`
}

function line({ severity, path, reason }: Finding, colours: Colours): string {
  const paints: Readonly<Record<Finding['severity'], Paint>> = {
    broken: colours.bad,
    skipped: colours.doubtful,
    notice: colours.faint,
  }
  return `  ${paints[severity](severity.padEnd(7))}  ${escapeControlCharacters(path === '' ? reason : `${path}: ${reason}`)}`
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
