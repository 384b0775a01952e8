import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { eventually } from '../helpers/eventually.js'
import { mainScript } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { serve } from './servers.js'
import { program } from './torture-test.js'

/** What watches the calls of a server. */
export const tracer = program('strace', 'strace')

/** A call that a server made and that succeeded. */
export interface SystemCall {
  /** The same for calls with and without `at`, and for all that write. */
  readonly name: 'sync' | 'link' | 'rename' | 'unlink' | 'mkdir' | 'write'
  /** What it was about; where something got a name, what it was called before, and the new name. */
  readonly paths: readonly string[]
  /** What was written began so; empty for other calls. */
  readonly text: string
  /** Lines of the trace: whatever ends before another call begins has happened before it. */
  readonly begin: number
  readonly end: number
}

/** A server each of whose calls is written down. */
export interface TracedServer {
  readonly url: string
  /** Ends the server, and tells of its calls in the order in which they ended. */
  readonly calls: () => Promise<readonly SystemCall[]>
}

const names: Readonly<Record<string, SystemCall['name']>> = {
  fsync: 'sync',
  fdatasync: 'sync',
  link: 'link',
  linkat: 'link',
  rename: 'rename',
  renameat: 'rename',
  renameat2: 'rename',
  unlink: 'unlink',
  unlinkat: 'unlink',
  mkdir: 'mkdir',
  mkdirat: 'mkdir',
  write: 'write',
  pwrite64: 'write',
  writev: 'write',
  pwritev: 'write',
}

/** Starts the command under strace. */
export async function serveTraced(
  t: TestContext,
  root: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<TracedServer> {
  const trace = join(temporaryDirectory(t), 'trace')
  // Not every machine has every call; and Node must not hide its own from the tracer.
  const wanted = `trace=${Object.keys(names).map((name) => `?${name}`)}`
  // As a grandchild, so that signals get to the server.
  const strace = ['strace', '-D', '-f', '-y', '-s', '16', '-o', trace, '-e', wanted] as const
  const command = [...strace, process.execPath, mainScript] as const
  const server = await serve(t, root, { args, command, env: { ...env, UV_USE_IO_URING: '0' } })
  return {
    url: server.url,
    calls: async () => {
      await server.stop()
      const pid = server.process.pid ?? 0
      const text = await eventually(() => {
        const written = readFileSync(trace, 'utf8')
        return new RegExp(`^${pid} +\\+\\+\\+ `, 'm').test(written) ? written : undefined
      })
      return parse(text)
    },
  }
}

/** Each line is a call, or where one begins or ends while others run. */
function parse(trace: string): readonly SystemCall[] {
  const open = new Map<string, { readonly text: string; readonly begin: number }>()
  const calls: SystemCall[] = []
  for (const [line, whole] of trace.split('\n').entries()) {
    const [, thread = '', text = ''] = /^(\d+) +(.*)$/.exec(whole) ?? []
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(text)
    if (unfinished !== null) {
      open.set(thread, { text: unfinished[1] ?? '', begin: line })
      continue
    }
    const rest = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)?.[1]
    const begun = rest === undefined ? { text: '', begin: line } : open.get(thread)
    if (begun !== undefined) calls.push(...callIn(begun.text + (rest ?? text), begun.begin, line))
  }
  return calls
}

function callIn(text: string, begin: number, end: number): readonly SystemCall[] {
  const [, called = '', argument = '', result] = /^(\w+)\((.*)\) += (-?\d+)/.exec(text) ?? []
  const name = names[called]
  if (name === undefined || Number(result) < 0) return []
  const quoted = [...argument.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, inner = '']) => inner)
  const isOnFile = name === 'sync' || name === 'write'
  const paths = isOnFile ? [/^\d+<(.*?)>/.exec(argument)?.[1] ?? ''] : quoted
  return [{ name, paths, text: isOnFile ? (quoted[0] ?? '') : '', begin, end }]
}

/** What a server did for one answer, the last one with the status 200. */
export interface Answered {
  /** Calls that changed names in the root, and documents of projects, in order. */
  readonly changes: readonly string[]
  /** What was put on the disk. */
  readonly synced: readonly string[]
  /** What a power cut after the answer could have taken away. */
  readonly atRisk: readonly string[]
}

/**
 * What happened between the last answer and the one before. Nothing may be called a name of its own before all that was
 * written to it is on the disk, and nothing may be answered before the directory that holds the change is.
 */
export function lastAnswered(calls: readonly SystemCall[], roots: readonly string[]): Answered {
  const [before, answer] = calls
    .filter(({ paths: [to = ''], text }) => to.startsWith('socket:') && text.startsWith('HTTP/1.1 '))
    .slice(-2)
  assert.ok(before !== undefined && answer !== undefined, 'the trace does not have two answers')
  assert.match(answer.text, /^HTTP\/1\.1 200/)
  const during = calls.filter(({ begin, end }) => begin > before.end && end < answer.begin)
  const folders = roots.flatMap((root) => [root, join(root, '.pypi-server', 'projects')])
  const changes = during.filter(
    (call) => call.name !== 'mkdir' && isNamed(call) && folders.includes(dirname(placeOf(call))),
  )
  const made = during.filter(({ name }) => name === 'mkdir')
  const isSynced = (path: string, after: number, until: number): boolean =>
    calls.some(({ name, paths, begin, end }) => name === 'sync' && paths[0] === path && begin > after && end < until)
  const lastWrite = (path: string): number =>
    Math.max(...calls.filter(({ name, paths }) => name === 'write' && paths[0] === path).map(({ end }) => end))
  const torn = changes.filter(
    ({ paths: [from = '', to], begin }) => to !== undefined && !isSynced(from, lastWrite(from), begin),
  )
  const lost = [...changes, ...made].filter((call) => !isSynced(dirname(placeOf(call)), call.end, answer.begin))
  const audit = during.filter(({ name, paths: [path = ''] }) => name === 'write' && path.endsWith('/audit.jsonl'))
  const unsaid = audit.filter(({ paths: [path = ''], end }) => !isSynced(path, end, answer.begin))
  const told = (call: SystemCall): string => `${call.name} ${relativeTo(roots, placeOf(call))}`
  return {
    changes: changes.map(told),
    synced: during.filter(({ name }) => name === 'sync').map(({ paths: [path = ''] }) => relativeTo(roots, path)),
    atRisk: [
      ...torn.map((call) => `content of ${told(call)}`),
      ...lost.map((call) => `name of ${told(call)}`),
      ...unsaid.map((call) => `line of ${told(call)}`),
    ],
  }
}

function isNamed({ name }: SystemCall): boolean {
  return ['link', 'rename', 'unlink', 'mkdir'].includes(name)
}

function placeOf({ paths }: SystemCall): string {
  return paths.at(-1) ?? ''
}

function relativeTo(roots: readonly string[], path: string): string {
  const root = roots.find((one) => path === one || path.startsWith(`${one}/`))
  return root === undefined ? path : path.slice(root.length + 1)
}
