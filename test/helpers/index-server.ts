import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type App, type Config, createApp } from 'pypi-server'
import { temporaryDirectory } from './temporary.js'

/** An index on a real socket that ends with the test. */
export interface IndexServer {
  readonly app: App
  /** The served directory. */
  readonly root: string
  /** Address of the mount point, with a trailing slash. */
  readonly url: string
  /** A request below the mount point; redirects are not followed. */
  readonly request: (path: string, init?: RequestInit) => Promise<Response>
  readonly post: (form: FormData, init?: RequestInit) => Promise<Response>
}

/** Serves a new, empty directory, open to everybody unless the configuration says otherwise. */
export async function serveIndex(t: TestContext, config: Partial<Config> = {}): Promise<IndexServer> {
  const root = typeof config.roots === 'string' ? config.roots : temporaryDirectory(t)
  const isGuarded =
    config.auther !== undefined || config.passwordFile !== undefined || config.authenticate !== undefined
  const source = config.backend === undefined ? { roots: config.roots ?? root } : {}
  const app = createApp({ ...source, ...(!isGuarded && { authenticate: [] }), ...config })
  const origin = await listen(t, app)
  t.after(() => app.close())
  const url = `${origin}/`
  const request = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(new URL(path.replace(/^\//, ''), url), { redirect: 'manual', ...init })
  return { app, root, url, request, post: (body, init = {}) => request('/', { method: 'POST', body, ...init }) }
}

/** Listens on a free port of the loopback interface until the test ends; tells the origin without a slash. */
export async function listen(t: TestContext, handler: RequestListener): Promise<string> {
  const server = createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An `Authorization` header. */
export function basic(username: string, password: string): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
}

/** What twine sends for a file; `undefined` leaves a field out. */
export function uploadForm(
  file: { readonly filename: string; readonly bytes: Uint8Array },
  fields: Readonly<Record<string, string | undefined>> = {},
): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries({ ':action': 'file_upload', protocol_version: '1', ...fields })) {
    if (value !== undefined) form.append(name, value)
  }
  form.append('content', new Blob([file.bytes as Uint8Array<ArrayBuffer>]), file.filename)
  return form
}
