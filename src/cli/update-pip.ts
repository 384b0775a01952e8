import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { LineSink } from './log.js'
import type { IndexAddress } from './update-index.js'

/** What pip is to fetch, and where to. */
export interface Download {
  readonly project: string
  readonly version: string
  readonly directory: string
}

/** Where pip runs. */
export interface PipOptions {
  readonly stdout: LineSink
  readonly stderr: LineSink
  readonly env: Readonly<NodeJS.ProcessEnv>
  readonly signal: AbortSignal | undefined
}

/** The command line for a download, fit to be pasted into a POSIX shell; without the password of the index. */
export function pipCommandLine(download: Download, index: IndexAddress): string {
  return ['pip', ...pipArguments(download, ['-i', index.shown])].map(quoted).join(' ')
}

/** Runs the same download without a shell; fulfils with what went wrong, `undefined` after success. */
export async function runPip(
  download: Download,
  index: IndexAddress,
  options: PipOptions,
): Promise<string | undefined> {
  const { stdout, stderr, signal } = options
  // A password among the arguments would be visible to every user of the machine.
  const isSecret = index.authorization !== undefined
  const args = pipArguments(download, isSecret ? [] : ['-i', index.shown])
  // There is no terminal to ask on.
  const env = { ...options.env, PIP_NO_INPUT: '1', ...(isSecret && { PIP_INDEX_URL: index.secret }) }
  const child = spawn('pip', args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...(signal && { signal }) })
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.write(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => stderr.write(text))
  try {
    const [code, endedBy] = (await once(child, 'close')) as [number | null, string | null]
    return code === 0 ? undefined : `pip ended with ${code ?? endedBy}`
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? 'there is no pip on PATH' : `pip: ${message}`
  }
}

function pipArguments({ project, version, directory }: Download, index: readonly string[]): readonly string[] {
  return ['-q', 'download', '--no-deps', ...index, '-d', directory, `${project}==${version}`]
}

function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`
}
