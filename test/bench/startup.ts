import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { wheel } from '../helpers/archives.js'

/** What a process went through since it was told to begin. */
export interface Vitals {
  readonly p99DelayMs: number
  readonly longestDelayMs: number
  readonly longestCollectionMs: number
  readonly residentMb: number
}

/** One start of the command over a directory. */
export interface Startup extends Vitals {
  /** From the start of the process to a page with the digests of all its files. */
  readonly firstPageMs: number
  /** From a new file to a page that has it. */
  readonly newFileMs: number
}

/** The command, listening. */
export interface Command {
  readonly startedMs: number
  readonly vitals: (question: 'begin' | 'tell') => Promise<Vitals>
  /** Fulfils once the page of a project has all digests. */
  readonly page: (project: string) => Promise<void>
  /** Fulfils once every file was looked at. */
  readonly scanned: () => Promise<void>
  readonly stop: () => Promise<void>
}

const accept = 'application/vnd.pypi.simple.v1+json'

/** Starts the command over this directory. */
export async function startCommand(directory: string): Promise<Command> {
  const script = fileURLToPath(new URL('serve-probed.js', import.meta.url))
  const options = ['-i', '127.0.0.1', '-p', '0', '-P', '.', '-a', '.', '--disable-fallback', '--log-stream', 'none']
  const startedMs = performance.now()
  const child = spawn(process.execPath, [script, 'run', ...options, directory], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const url = await addressOf(child)
  const status = async (project: string): Promise<number> => (await pageOf(url, project)).status
  return {
    startedMs,
    vitals: async (question) => {
      child.send(question)
      const [vitals] = (await once(child, 'message')) as [Vitals]
      return vitals
    },
    page: async (project) => {
      while (!(await pageOf(url, project)).isComplete) await setTimeout(1)
    },
    scanned: async () => {
      const found = await status('no-such-project')
      if (found !== 404) throw new Error(`a project that is not there is answered with ${found}`)
    },
    stop: async () => {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

async function addressOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface(child.stderr as NodeJS.ReadableStream)) {
    const [, url] = /^Listening on (http:\S+)$/.exec(line) ?? []
    if (url === undefined) continue
    child.stderr?.resume()
    return url
  }
  throw new Error('the command ended before it listened')
}

async function pageOf(
  url: string,
  project: string,
): Promise<{ readonly status: number; readonly isComplete: boolean }> {
  const response = await fetch(`${url}simple/${project}/`, { headers: { accept } })
  const text = await response.text()
  if (response.status !== 200) return { status: response.status, isComplete: false }
  const { files } = JSON.parse(text) as { readonly files: readonly { readonly hashes: Record<string, string> }[] }
  return { status: 200, isComplete: files.length > 0 && files.every(({ hashes }) => hashes['sha256'] !== undefined) }
}

/** Starts the command, asks for a page, waits until everything was looked at, and puts a new file there. */
export async function measureStartup(directory: string, project: string): Promise<Startup> {
  const command = await startCommand(directory)
  try {
    await command.vitals('begin')
    await command.page(project)
    const firstPageMs = performance.now() - command.startedMs
    await command.scanned()
    const vitals = await command.vitals('tell')
    return { ...vitals, firstPageMs, newFileMs: await measureNewFile(directory, command) }
  } finally {
    await command.stop()
  }
}

let lastFile = 0

async function measureNewFile(directory: string, { page }: Command): Promise<number> {
  lastFile += 1
  const name = `fresh-${Date.now()}-${lastFile}`
  const { filename, bytes } = wheel({ name, version: '1.0' })
  const [hidden, path] = [join(directory, `.${filename}`), join(directory, filename)]
  writeFileSync(hidden, bytes)
  try {
    renameSync(hidden, path)
    const startedMs = performance.now()
    await page(name)
    return performance.now() - startedMs
  } finally {
    rmSync(path, { force: true })
  }
}

/** Has everything in the directory read and written down, if that is not done yet. */
export async function ensureSnapshot(directory: string): Promise<void> {
  const path = join(directory, '.pypi-server', 'catalogue.snapshot')
  if (existsSync(path)) return
  const command = await startCommand(directory)
  try {
    while (!existsSync(path)) await setTimeout(1000)
  } finally {
    await command.stop()
  }
}

/** Forgets what was read of the directory. */
export function forget(directory: string): void {
  rmSync(join(directory, '.pypi-server'), { recursive: true, force: true })
}

const sweep = `const { readdirSync, statSync } = require('node:fs')
const startedMs = performance.now()
for (const { name } of readdirSync(process.argv[1], { withFileTypes: true })) statSync(process.argv[1] + '/' + name)
console.log(performance.now() - startedMs)`

/** How long reading the names of all files and looking at each takes, in milliseconds. */
export function measureSweep(directory: string): number {
  return Number(execFileSync(process.execPath, ['-e', sweep, directory], { encoding: 'utf8' }))
}
