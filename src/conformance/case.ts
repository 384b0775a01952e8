import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Backend } from '../backend.js'
import type { SampleFile } from './samples.js'
import { publishAll } from './subject.js'

/** A backend without files, made for one case. */
export interface BackendUnderTest {
  /** What is tried. */
  readonly backend: Backend
  /**
   * Puts files where the backend finds them, and fulfils when it shows them. Needed by a backend without `publish`;
   * otherwise short for thousands of uploads.
   */
  readonly seed?: (files: readonly SampleFile[]) => Promise<void>
  /** A second backend on the same storage, after the first was closed. */
  readonly reopen?: () => Promise<Backend>
  /** Makes the storage unreadable, as a disk that went away would be. */
  readonly obstruct?: () => Promise<void>
  /** Closes the backend, also if it is closed already, and takes its storage away. */
  readonly dispose: () => Promise<void>
}

/** What `create` may use. */
export interface CaseContext {
  /** Absolute path of an empty directory that is removed after the case. */
  readonly directory: string
}

/** How a case ended that did not reject. */
export interface Outcome {
  /** Why it was not tried; absent when it was, and passed. */
  readonly skipped?: string
}

/** One requirement, for any test runner. */
export interface ConformanceCase {
  /** Four characters that stay when the title is put better: pin expected failures to these. */
  readonly id: string
  /** A sentence that is true of a backend that passes. */
  readonly title: string
  /** Makes a backend, tries it and takes it away. Rejects when the requirement is not met. */
  readonly run: () => Promise<Outcome>
}

/** Sizes and limits of a run; all optional. */
export interface ConformanceOptions {
  /** How many projects are listed at a time. @default 5000 */
  readonly projectCount?: number
  /** How long to wait for what happens soon but not at once, in milliseconds. @default 10000 */
  readonly patienceMs?: number
}

interface Abilities {
  /** Puts files in, by whatever way there is. */
  readonly fill: (files: readonly SampleFile[]) => Promise<void>
  readonly reopen: () => Promise<Backend>
  readonly obstruct: () => Promise<void>
}

type OptionalMethod = Exclude<keyof Backend, 'name' | 'listProjects' | 'getProject' | 'openFile'>

/** What a backend, or the place it comes from, may lack. */
export type Need = OptionalMethod | keyof Abilities

/** What a case works with: the methods and abilities that it said it needs are there. */
export type Subject<N extends Need> = Required<ConformanceOptions> &
  CaseContext &
  Pick<Abilities, N & keyof Abilities> & { readonly backend: Backend & Required<Pick<Backend, N & OptionalMethod>> }

/** A case as it is written down. */
export interface CaseDefinition<N extends Need> {
  readonly id: string
  readonly title: string
  readonly needs: readonly N[]
  readonly check: (subject: Subject<N>) => Promise<void>
}

/** How backends are made for cases. */
export type CreateBackend = (context: CaseContext) => Promise<BackendUnderTest>

/** A definition that waits for a way to make backends. */
export type UnboundCase = (create: CreateBackend, options: Required<ConformanceOptions>) => ConformanceCase

/** Writes a case down; the compiler checks that it uses no capability that it does not need. */
export function defineCase<const N extends Need>(definition: CaseDefinition<N>): UnboundCase {
  const { id, title } = definition
  return (create, options) => ({ id, title, run: () => runCase(definition, create, options) })
}

async function runCase<N extends Need>(
  definition: CaseDefinition<N>,
  create: CreateBackend,
  options: Required<ConformanceOptions>,
): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'backend-conformance-'))
  try {
    const [made, directory] = [join(folder, 'made'), join(folder, 'spooled')]
    await Promise.all([mkdir(made), mkdir(directory)])
    const under = await create({ directory: made })
    try {
      return await tryBackend(definition, under, { ...options, directory })
    } finally {
      await under.dispose()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function tryBackend<N extends Need>(
  { needs, check }: CaseDefinition<N>,
  { backend, seed, reopen, obstruct }: BackendUnderTest,
  surroundings: Required<ConformanceOptions> & CaseContext,
): Promise<Outcome> {
  const publish = backend.publish && ((files: readonly SampleFile[]) => publishAll({ backend, ...surroundings }, files))
  const abilities = { fill: seed ?? publish, reopen, obstruct }
  const offered = { ...abilities, ...optionalMethods(backend) }
  const missing = needs.filter((need) => offered[need] === undefined)
  if (missing.length > 0) return { skipped: `needs ${missing.join(' and ')}` }
  // What is missing in the type was found to be there.
  await check({ ...surroundings, ...abilities, backend } as unknown as Subject<N>)
  return {}
}

/** Looked up by name, because the methods of a class are no own properties. */
function optionalMethods(backend: Backend): Pick<Backend, OptionalMethod> {
  const { findFile, publish, remove, setYanked, watch, spoolDirectory, check, close } = backend
  const { listRevision, getStatus, setStatus, freeProject, lastSerial, changesSince } = backend
  const { localFile, projectAtHand, fileAtHand } = backend
  const changing = { publish, remove, setYanked, getStatus, setStatus, freeProject, lastSerial, changesSince }
  const reading = { listRevision, localFile, findFile, projectAtHand, fileAtHand }
  const methods = { ...reading, ...changing, watch, spoolDirectory, check, close }
  return methods as Pick<Backend, OptionalMethod>
}
