import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { uploadForm } from '../helpers/index-server.js'
import { type RunningServer, type ServerOptions, startServer } from '../helpers/server.js'

/** A file that is uploaded. */
export interface Distribution {
  readonly filename: string
  readonly bytes: Uint8Array
  /** Uploaded with it. */
  readonly signature?: string
}

/** A project page, as PEP 691 has it. */
export interface Page {
  readonly files: readonly {
    readonly filename: string
    readonly url: string
    readonly hashes: Readonly<Record<string, string>>
    readonly yanked?: boolean | string
  }[]
}

/** The command as a process of its own, open to everybody, that ends with the test. */
export async function serve(
  t: TestContext,
  directory: string,
  { args = [], ...options }: Omit<ServerOptions, 'directory'> = {},
): Promise<RunningServer> {
  const open = ['-P', '.', '-a', '.', '--disable-fallback']
  const server = await startServer({ directory, args: [...open, ...args], ...options })
  t.after(server.stop)
  return server
}

/** Uploads a file; rejects when the connection breaks before the answer. */
export async function upload(url: string, file: Distribution): Promise<Response> {
  const form = uploadForm(file)
  if (file.signature !== undefined) form.append('gpg_signature', new Blob([file.signature]), `${file.filename}.asc`)
  return await fetch(url, { method: 'POST', body: form, signal: AbortSignal.timeout(60_000) })
}

/** Status of an upload, its body read; 0 when no answer came. */
export async function uploadStatus(url: string, file: Distribution): Promise<number> {
  const answer = await upload(url, file).catch(() => undefined)
  await answer?.arrayBuffer().catch(() => {})
  return answer?.status ?? 0
}

/** The page of a project; `undefined` for 404. */
export async function pageOf(url: string, project: string): Promise<Page | undefined> {
  const headers = { accept: 'application/vnd.pypi.simple.v1+json' }
  const answer = await fetch(new URL(`simple/${project}/`, url), { headers, redirect: 'manual' })
  const body = await answer.text()
  if (answer.status === 404) return undefined
  assert.equal(answer.status, 200, body)
  return JSON.parse(body)
}

/** Downloads every file of a project and fails unless each is what its page says; tells their digests by name. */
export async function verifiedFiles(url: string, project: string): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>()
  // After ten seconds a page tells of files that are not hashed yet.
  const isHashed = (page: Page | undefined): boolean => page?.files.every(({ hashes }) => hashes['sha256']) ?? true
  let page = await pageOf(url, project)
  for (let tries = 0; tries < 6 && !isHashed(page); tries += 1) page = await pageOf(url, project)
  for (const { filename, url: link, hashes } of page?.files ?? []) {
    const answer = await fetch(new URL(link, new URL(`simple/${project}/`, url)))
    assert.equal(answer.status, 200, filename)
    const digest = sha256(new Uint8Array(await answer.arrayBuffer()))
    assert.equal(digest, hashes['sha256'], `${filename} has other bytes than its page says`)
    digests.set(filename, digest)
  }
  return digests
}

/** Lower-case hex. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
