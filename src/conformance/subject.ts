import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type {
  Backend,
  Candidate,
  DistributionFile,
  NormalizedName,
  OpenedFile,
  OpenFileOptions,
  Project,
} from '../backend.js'
import { isByteReader, readWhole } from '../util/byte-reader.js'
import { candidateOf, type SampleFile } from './samples.js'

/** A backend, and where files are spooled for one that names no place. */
export interface Spooling<B extends Backend = Backend> {
  readonly backend: B
  readonly directory: string
}

/** The sample as an upload that was just received. */
export async function spooled({ backend, directory }: Spooling, sample: SampleFile): Promise<Candidate> {
  const folder = (await backend.spoolDirectory?.()) ?? directory
  const path = join(folder, `conformance-${randomUUID()}`)
  await writeFile(path, sample.bytes, { flag: 'wx' })
  return candidateOf(sample, path)
}

const uploadsAtOnce = 16

/** Publishes all samples, several at a time. */
export async function publishAll(where: Spooling, samples: readonly SampleFile[]): Promise<void> {
  for (let start = 0; start < samples.length; start += uploadsAtOnce) {
    const some = samples.slice(start, start + uploadsAtOnce)
    await Promise.all(some.map(async (sample) => where.backend.publish?.(await spooled(where, sample))))
  }
}

/** Publishes one sample in place of what has its name. */
export async function overwrite(
  where: Spooling<Backend & Required<Pick<Backend, 'publish'>>>,
  sample: SampleFile,
): Promise<DistributionFile> {
  return await where.backend.publish(await spooled(where, sample), { overwrite: true })
}

/** The names on all pages of the listing, sorted, with their repetitions. */
export async function listedNames(backend: Backend): Promise<readonly string[]> {
  const names: string[] = []
  for await (const page of backend.listProjects()) names.push(...page.map(({ name }) => name))
  return names.sort()
}

/** The project, which has to be there. */
export async function projectOf(backend: Backend, name: NormalizedName): Promise<Project> {
  const project = await backend.getProject(name)
  assert.ok(project, `${name} does not exist`)
  return project
}

/** The files of a project; none when it does not exist. */
export async function filesOf(backend: Backend, name: NormalizedName): Promise<readonly DistributionFile[]> {
  return (await backend.getProject(name))?.files ?? []
}

/** The one record of a sample. */
export async function recordOf(backend: Backend, { project, filename }: SampleFile): Promise<DistributionFile> {
  const [file, ...others] = (await filesOf(backend, project)).filter((other) => other.filename === filename)
  assert.ok(file, `${filename} is not listed`)
  assert.deepEqual(others, [], `${filename} is listed more than once`)
  return file
}

/** An open part, which has to be there. */
export async function opened(backend: Backend, file: DistributionFile, options?: OpenFileOptions): Promise<OpenedFile> {
  const found = await backend.openFile(file, options)
  assert.ok(found, `${file.path} has no ${options?.part ?? 'content'}`)
  return found
}

/** The bytes of a body; `undefined` for a redirect, whose bytes are another server's affair. */
export async function bytesOf({ body }: OpenedFile): Promise<Uint8Array | undefined> {
  assert.ok(body, 'there is no body')
  if ('redirect' in body) {
    assert.ok(URL.canParse(body.redirect), `${body.redirect} is no URL`)
    return undefined
  }
  if (body instanceof Uint8Array) return body
  if (isByteReader(body)) return await readWhole(body)
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** That these are the bytes from `start` to `end`, both inclusive, of a part, and are said to be. */
export async function assertBytes(
  found: OpenedFile,
  whole: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number } = { start: 0, end: whole.length - 1 },
): Promise<void> {
  const bytes = await bytesOf(found)
  const isWhole = start === 0 && end === whole.length - 1
  assert.equal(found.size, whole.length, 'size')
  if (!isWhole || found.range !== undefined) assert.deepEqual(found.range, { start, end })
  if (bytes !== undefined) assert.ok(Buffer.from(whole.subarray(start, end + 1)).equals(bytes), 'other bytes')
}

/** Asks again until the answer is truthy; `undefined` when it is not in time. */
export async function eventually<T>(ask: () => T | Promise<T>, patienceMs: number): Promise<T | undefined> {
  for (const endMs = performance.now() + patienceMs; ; await setTimeout(20)) {
    const answer = await ask()
    if (answer || performance.now() > endMs) return answer || undefined
  }
}
