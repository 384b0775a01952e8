import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '../helpers/temporary.js'
import { program } from './torture-test.js'

/** The compiler of what is preloaded into servers. */
export const compiler = program('gcc', 'gcc libc6-dev')

/** Calls that change the disk, as bits. */
const callBits = {
  create: 1,
  write: 2,
  sync: 4,
  link: 8,
  rename: 16,
  unlink: 32,
  mkdir: 64,
  symlink: 128,
  truncate: 256,
} as const
/** A kind of calls that change the disk. */
export type DiskCall = keyof typeof callBits

/** Numbers as Linux has them. */
const errorNumbers = { EIO: 5, EACCES: 13, ENOSPC: 28, EROFS: 30, EDQUOT: 122 } as const
/** What a failing call says. */
export type DiskError = keyof typeof errorNumbers

/** Faults of the disk of one server, changed while it runs. */
export interface DiskFaults {
  /** The environment of the server. */
  readonly env: NodeJS.ProcessEnv
  /** Ends the server just before the call of this number from now on. */
  readonly killAt: (number: number) => void
  /** Lets calls of a kind fail on paths with this part, until {@link heal}. */
  readonly fail: (call: DiskCall, error: DiskError, pathPart?: string) => void
  /** From now on nothing fails; tells how many calls failed. */
  readonly heal: () => number
  /** What was called since {@link killAt}, in order. */
  readonly calls: () => readonly DiskCall[]
}

// Of `struct control` in disk-faults.c.
const [countAt, failingAt, failedAt, pathAt, callsAt] = [4, 8, 16, 20, 276]
const [pathBytes, maxCalls] = [256, 1024]

/** Prepares faults for servers that are started with this environment. */
export function diskFaults(t: TestContext): DiskFaults {
  const folder = temporaryDirectory(t)
  const [library, path] = [join(folder, 'disk-faults.so'), join(folder, 'control')]
  const source = fileURLToPath(new URL('../../../test/torture/disk-faults.c', import.meta.url))
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { timeout: 60_000 })
  writeFileSync(path, Buffer.alloc(callsAt + maxCalls * 2))
  const control = openSync(path, 'r+')
  t.after(() => closeSync(control))
  const put = (position: number, ...values: number[]): void => {
    writeSync(control, Uint32Array.from(values), 0, values.length * 4, position)
  }
  const get = (length: number, position: number): Buffer => {
    const bytes = Buffer.alloc(length)
    readSync(control, bytes, 0, length, position)
    return bytes
  }
  return {
    env: { ...process.env, LD_PRELOAD: library, DISK_FAULTS: path },
    killAt: (number) => put(0, number, 0),
    fail: (call, error, pathPart = '') => {
      writeSync(control, Buffer.alloc(pathBytes).fill(pathPart, 0, Buffer.byteLength(pathPart)), 0, pathBytes, pathAt)
      put(failingAt, callBits[call], errorNumbers[error], 0)
    },
    heal: () => {
      put(failingAt, 0)
      return get(4, failedAt).readUInt32LE()
    },
    calls: () => {
      const count = Math.min(get(4, countAt).readUInt32LE(), maxCalls)
      const bytes = get(count * 2, callsAt)
      return Array.from({ length: count }, (_, index) => callOf(bytes.readUInt16LE(index * 2)))
    },
  }
}

function callOf(bit: number): DiskCall {
  const found = Object.entries(callBits).find(([, value]) => value === bit)
  if (found === undefined) throw new Error(`no call has the bit ${bit}`)
  return found[0] as DiskCall
}
