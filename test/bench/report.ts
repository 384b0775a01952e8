import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { driverName } from './load.js'
import { type Effort, type Measured, median, medianOf, type Result, ratioOf, type Verdict } from './measure.js'

/** Where and when something was measured. */
export interface Circumstances {
  /** As in `2026-11-24`. */
  readonly date: string
  readonly machine: string
  readonly versions: string
  readonly rounds: number
  readonly seconds: number
}

/** A result as it is kept. */
export type Kept = Result & { readonly circumstances: Circumstances }

/** The circumstances of this run. */
export function circumstances({ rounds, seconds }: Effort): Circumstances {
  const [{ model = 'unknown processor' } = {}] = cpus()
  const gib = Math.round(totalmem() / 1024 ** 3)
  const versions = [`Node ${process.version}`, `Linux ${release()}`, nginxVersion(), driverName]
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${model.trim()}, ${gib} GiB`,
    versions: versions.filter((version) => version !== undefined).join(', '),
    rounds,
    seconds,
  }
}

function nginxVersion(): string | undefined {
  try {
    // It says so on stderr.
    const text = execFileSync('sh', ['-c', 'nginx -v 2>&1'], { encoding: 'utf8' })
    return text.trim().replace(/^nginx version: nginx\//, 'nginx ')
  } catch {
    return undefined
  }
}

/** A result for the terminal. */
export function resultTable({ scenario, title, unit, measured, verdicts }: Result): string {
  const reference = measured.find(({ name }) => name !== 'ours')
  const rows = measured.map((each) => [
    `  ${each.name}`.padEnd(16),
    number(medianOf(each)).padStart(12),
    unit,
    `± ${spreadOf(each)} %`.padStart(8),
    optional(each, 'cpuUs', 'µs cpu'),
    optional(each, 'p50Ms', 'ms p50'),
    optional(each, 'p99Ms', 'ms p99'),
    reference === undefined || each === reference ? '' : `${ratioOf(each, reference).toFixed(2)} × ${reference.name}`,
  ])
  const lines = verdicts.map((verdict) => `  ${verdictText(verdict, unit)}: ${verdict.isMet ? 'met' : 'MISSED'}`)
  return [`${scenario}: ${title}`, ...rows.map((row) => row.join('  ').trimEnd()), ...lines, ''].join('\n')
}

function optional({ samples }: Measured, key: 'cpuUs' | 'p50Ms' | 'p99Ms', unit: string): string {
  const values = samples.map((sample) => sample[key]).filter((value) => value !== undefined)
  return values.length === 0 ? '' : `${number(median(values))} ${unit}`.padStart(16)
}

/** Half of the distance between the least and the greatest value, in percent of the median. */
function spreadOf(measured: Measured): string {
  const values = measured.samples.map(({ value }) => value)
  return (((Math.max(...values) - Math.min(...values)) / 2 / medianOf(measured)) * 100).toFixed(0)
}

function verdictText({ of = 'ours', against, atLeast, atMost, figure }: Verdict, unit: string): string {
  const what = against === undefined ? `${of} ${number(figure)} ${unit}` : `${of} ${figure.toFixed(2)} × ${against}`
  const bounds = [
    atLeast === undefined ? [] : [`at least ${number(atLeast)}`],
    atMost === undefined ? [] : [`at most ${number(atMost)}`],
  ]
  return `${what}, required ${bounds.flat().join(' and ')}`
}

function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2)
}

/** Keeps a result in a file of its own, so that runs of single scenarios add up. */
export function keepResult(folder: string, kept: Kept): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${kept.scenario}.json`), `${JSON.stringify(rounded(kept), null, 2)}\n`)
}

/** Four digits are more than the machine is good for. */
function rounded<T>(value: T): T {
  return JSON.parse(
    JSON.stringify(value, (_, each) => (typeof each === 'number' ? Number(each.toPrecision(4)) : each)),
  ) as T
}

const marker = '<!-- What follows is written by `npm run bench -- --save`. -->'

/** Writes everything that is kept behind the marker of a document; what stands before it is left as it is. */
export function writeDocument(path: string, folder: string): void {
  const [before = ''] = readFileSync(path, 'utf8').split(marker)
  const kept = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Kept)
  writeFileSync(path, `${before}${marker}\n\n${sections(kept)}`)
}

function sections(kept: readonly Kept[]): string {
  const judged = kept.filter(({ verdicts }) => verdicts.length > 0)
  const notes = kept.flatMap(({ title, note }) => (note === undefined ? [] : [`- ${title}: ${note}`]))
  return `${[
    '## What is required and what was measured',
    markdownTable(
      ['measure', 'measured', 'required', ''],
      judged.flatMap(({ title, unit, verdicts }) => verdicts.map((verdict) => verdictRow(title, unit, verdict))),
    ),
    ...(notes.length === 0 ? [] : [notes.join('\n')]),
    '## All figures',
    'Medians of the rounds, with half of the distance between the least and the greatest value. Processor time is that of the\nserver for one request.',
    markdownTable(
      ['measure', 'who', 'median', 'spread', 'processor', 'p99'],
      kept.flatMap(({ title, unit, measured }) => measured.map((each) => figureRow(title, unit, each))),
    ),
    '## Where and when',
    markdownTable(['measure', 'date', 'machine', 'versions', 'rounds'], kept.map(circumstanceRow)),
  ].join('\n\n')}\n`
}

function verdictRow(title: string, unit: string, verdict: Verdict): readonly string[] {
  const [measured = '', required = ''] = verdictText(verdict, unit).split(', required ')
  return [title, measured, required, verdict.isMet ? 'met' : '**missed**']
}

function figureRow(title: string, unit: string, each: Measured): readonly string[] {
  const median = `${number(medianOf(each))} ${unit}`
  return [
    title,
    each.name,
    median,
    `± ${spreadOf(each)} %`,
    optional(each, 'cpuUs', 'µs'),
    optional(each, 'p99Ms', 'ms'),
  ]
}

function circumstanceRow({ title, circumstances }: Kept): readonly string[] {
  const { date, machine, versions, rounds, seconds } = circumstances
  return [title, date, machine, versions, `${rounds} of ${seconds} s`]
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.trim()).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
