import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IndexServer } from '../helpers/index-server.js'

/** The media type of a page in JSON (PEP 691). */
export const json = 'application/vnd.pypi.simple.v1+json'

/** A project's page in JSON, as far as the standards name its keys. */
export interface ProjectPage {
  readonly meta: { readonly 'api-version': string }
  readonly name: string
  readonly 'project-status'?: { readonly status: string; readonly reason?: string }
  readonly versions: readonly string[]
  readonly files: readonly FileEntry[]
}

/** One of its files. */
export interface FileEntry {
  readonly filename: string
  readonly url: string
  readonly hashes: Readonly<Record<string, string>>
  readonly size: number
  readonly 'upload-time': string
  readonly 'requires-python'?: string
  readonly 'core-metadata'?: Readonly<Record<string, string>>
  readonly yanked?: boolean | string
}

/** One anchor of a page in HTML, its attributes with entities decoded. */
export interface Anchor {
  readonly text: string
  readonly attributes: Readonly<Record<string, string>>
}

/** Copies files into the served directory, as an operator does. */
export function putFiles(
  { root }: IndexServer,
  ...files: readonly { readonly filename: string; readonly bytes: Uint8Array }[]
): void {
  for (const { filename, bytes } of files) writeFileSync(join(root, filename), bytes)
}

export async function jsonPage(server: IndexServer, project: string): Promise<ProjectPage> {
  const response = await server.request(`/simple/${project}/`, { headers: { accept: json } })
  return (await response.json()) as ProjectPage
}

export async function htmlPage(server: IndexServer, path: string): Promise<string> {
  return await (await server.request(path, { headers: { accept: 'text/html' } })).text()
}

/** The anchors of a page, read with a pattern as simple clients do: double quotes, no markup inside. */
export function anchorsOf(html: string): readonly Anchor[] {
  return [...html.matchAll(/<a ([^>]+)>([^<]+)<\/a>/g)].map(([, attributes = '', text = '']) => ({
    text: decode(text),
    attributes: Object.fromEntries(
      [...attributes.matchAll(/([a-z-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, decode(value)]),
    ),
  }))
}

function decode(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
}

/** Where a link of a page leads. */
export function resolveFrom({ url }: IndexServer, page: string, link: string): string {
  return new URL(link, new URL(page.replace(/^\//, ''), url)).pathname
}

/** Puts or takes away a mark by the management API; fails the test when that is refused. */
export async function manage(server: IndexServer, method: string, path: string, body: unknown = {}): Promise<void> {
  const response = await server.request(`/api/projects/${path}`, { method, body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
}
