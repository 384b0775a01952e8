import { readdirSync } from 'node:fs'

/** One figure of one round, and what else was seen while it was taken. */
export interface Sample {
  /** In the unit of the scenario. */
  readonly value: number
  /** Processor time of the server and its children for one request, in microseconds. */
  readonly cpuUs?: number
  readonly p50Ms?: number
  readonly p99Ms?: number
}

/** Somebody who does the work of a scenario: us, a bare server with the same bytes, another index. */
export interface Contestant {
  readonly name: string
  /** Does the work for about as long as asked and tells how it went; the first call is the warm-up. */
  readonly measure: (seconds: number) => Promise<Sample>
  readonly close?: () => Promise<void>
}

/** A bound that the acceptance table of a scenario holds us to. */
export interface Requirement {
  /** The contestant whose value is divided by that of `against`. @default ours */
  readonly of?: string
  /** Absent: the value itself is bounded. */
  readonly against?: string
  readonly atLeast?: number
  readonly atMost?: number
}

/** What the run was told. */
export interface BenchContext {
  /** Where directories of distribution files are made and kept for the next run. */
  readonly treesFolder: string
  /** For what need not be kept. */
  readonly scratchFolder: string
  /** Further indexes by name: an address, or a command with `{port}` and `{directory}` in it. */
  readonly peers: readonly Peer[]
  /** Where our server leaves its processor profile. @default none is taken */
  readonly profileFolder: string | undefined
}

export interface Peer {
  readonly name: string
  readonly url?: string
  readonly command?: string
}

/** One line of the acceptance table. */
export interface Scenario {
  /** Chosen by on the command line; the file's name and a dash come first by custom. */
  readonly name: string
  /** What is measured, for people. */
  readonly title: string
  readonly unit: 'requests/s' | 'MB/s' | 'uploads/s' | 'ms' | 'MB' | 'operations/s'
  readonly requirements: readonly Requirement[]
  /** Takes minutes or gigabytes to prepare: measured only when it is named. @default false */
  readonly isHeavy?: boolean
  /** Why a bound is missed, or what to know when reading the figures. @default nothing */
  readonly note?: string
  /** Starts everybody; they are measured in turn, round by round. */
  readonly prepare: (context: BenchContext) => Promise<readonly Contestant[]>
}

/** Every scenario of every file in `scenarios/`. */
export async function allScenarios(): Promise<readonly Scenario[]> {
  const folder = new URL('scenarios/', import.meta.url)
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'))
  const loaded = await Promise.all(files.sort().map((file) => import(new URL(file, folder).href)))
  return loaded.flatMap(({ scenarios }: { readonly scenarios: readonly Scenario[] }) => scenarios)
}
