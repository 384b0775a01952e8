import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchContext, Contestant, Sample, Scenario } from '../scenario.js'
import { type BenchServer, serveApp, serveScript } from '../servers.js'
import { measureUploads, type UploadLoad, type UploadReport, uploadSources } from '../upload-load.js'

interface Kind {
  /** Bytes of one upload. */
  readonly bytes: number
  readonly connections: number
  /** Projects to which files are uploaded in turn. */
  readonly projects: number
  /** Whether files are deleted at once, for they would fill the disk. */
  readonly isLarge: boolean
  readonly valueOf: (report: UploadReport) => number
}

const mebibyte = 1024 ** 2
const large: Kind = {
  bytes: 200 * mebibyte,
  connections: 1,
  projects: 1,
  isLarge: true,
  // Deleting the file is none of it.
  valueOf: ({ durations }) => (200 * durations.length) / (durations.reduce((sum, ms) => sum + ms, 0) / 1000),
}
const small: Kind = {
  bytes: 10_000,
  connections: 8,
  projects: 64,
  isLarge: false,
  valueOf: ({ durations, seconds }) => durations.length / seconds,
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'uploads-large',
    title: 'upload of 200 MiB (bare: busboy, the same hashes, file, fsync, link)',
    unit: 'MB/s',
    requirements: [{ against: 'bare', atLeast: 0.85 }],
    note: 'the event loop works as long for ours as for bare; what is missing are helper threads that collect the buffers beside a larger heap, and the look into the archive.',
    prepare: (context) => prepare(large, context),
  },
  {
    name: 'uploads-small',
    title: 'uploads of 10 kB, 8 at once (bare: busboy, the same hashes, the system calls of publishing)',
    unit: 'uploads/s',
    requirements: [{ against: 'bare', atLeast: 0.7 }],
    note: 'nearly all of it is the price of calls that go to the thread pool: `strace` counts about 35 calls to the file system for an upload of ours, nine of the bare one. Ours also looks for what stands beside the file, for the document of its project, and at the file once it is in place, and has a line of the audit log on the disk before it answers.',
    prepare: (context) => prepare(small, context),
  },
  {
    name: 'uploads-memory',
    title: 'greatest resident memory of a server that took uploads of 200 MiB, and of one that took 20 MiB',
    unit: 'MB',
    requirements: [{ against: '20 MiB', atMost: 1.5 }],
    prepare: async (context) => [
      await memory('ours', large, context),
      await memory('20 MiB', { ...large, bytes: 20 * mebibyte }, context),
    ],
  },
]

async function prepare(kind: Kind, context: BenchContext): Promise<readonly Contestant[]> {
  const sources = await uploadSources(kind.projects, kind.bytes)
  const contestant = (name: string, server: BenchServer, directory: string): Contestant => ({
    name,
    measure: async (seconds) =>
      sampleOf(kind, { ...server, ...(kind.isLarge && { deletedFrom: directory }), sources }, seconds),
    close: server.stop,
  })
  const [mine, theirs] = ['uploads-', 'bare-'].map((prefix) => mkdtempSync(join(context.scratchFolder, prefix)))
  const ours = contestant('ours', await serveApp({ roots: mine ?? '' }, context), mine ?? '')
  return [ours, contestant('bare', await serveScript('serve-uploads.js', [theirs ?? '']), theirs ?? '')]
}

async function sampleOf(kind: Kind, load: Omit<UploadLoad, 'connections'>, seconds: number): Promise<Sample> {
  const report = await measureUploads({ ...load, connections: kind.connections }, seconds)
  const sorted = report.durations.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
  return { value: kind.valueOf(report), p50Ms: at(0.5), p99Ms: at(0.99) }
}

async function memory(name: string, kind: Kind, context: BenchContext): Promise<Contestant> {
  const directory = mkdtempSync(join(context.scratchFolder, 'memory-'))
  const { url, pids, stop } = await serveApp({ roots: directory }, context)
  const sources = await uploadSources(1, kind.bytes)
  const measure = async (seconds: number): Promise<Sample> => {
    await measureUploads({ url, deletedFrom: directory, sources, connections: 1 }, seconds)
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pids[0]}/status`, 'utf8')) ?? []
    return { value: Number(kibibytes) / 1024 }
  }
  return { name, measure, close: stop }
}
