import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const LISTENING = /^Listening on (http:\/\/\S+\/)\r?\n/m
const START_LIMIT_MS = 30_000
const STOP_LIMIT_MS = 5_000

/** This checkout's command. */
export const mainScript = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

export interface ServerOptions {
  /** The root that is served. */
  readonly directory: string
  /** Placed between `run -p 0 -i 127.0.0.1` and the directory. @default [] */
  readonly args?: readonly string[]
  /** The whole environment of the server. @default process.env */
  readonly env?: Readonly<NodeJS.ProcessEnv>
  /** Whether it leads a process group of its own, as a terminal gives it one. @default false */
  readonly leadsGroup?: boolean
  /** What to start. @default this checkout's `dist/cli/main.js` under the running Node */
  readonly command?: readonly [string, ...string[]]
}

export interface RunningServer {
  /** Where it listens, with a final `/`. */
  readonly url: string
  readonly process: ChildProcess
  /** Everything that it wrote to stderr up to now. */
  stderr(): string
  /** Sends SIGTERM, five seconds later SIGKILL; fulfils once the process is gone, also when it was gone before. */
  stop(): Promise<void>
}

/**
 * Starts the command on a free loopback port and fulfils once it says where it listens. Rejects with all its output when
 * it exits first or says nothing for 30 seconds; no process is left then.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const {
    directory,
    args = [],
    env = process.env,
    leadsGroup = false,
    command = [process.execPath, mainScript],
  } = options
  const [program, ...first] = command
  const child = spawn(program, [...first, 'run', '-p', '0', '-i', '127.0.0.1', ...args, directory], {
    env: { ...env },
    detached: leadsGroup,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let stderr = ''
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const listening = new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => {
      output += `${error.message}\n`
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text
      stderr += text
      const url = LISTENING.exec(stderr)?.[1]
      if (url) resolve(url)
    })
    void closed.then(() => resolve(undefined))
  })
  const limit = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS)
  const url = await listening
  clearTimeout(limit)
  if (url === undefined) throw new Error(`the server exited before it listened: ${program}\n${output}`)
  return { url, process: child, stderr: () => stderr, stop: () => stopProcess(child) }
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
  child.kill('SIGTERM')
  await exited
  clearTimeout(limit)
}
