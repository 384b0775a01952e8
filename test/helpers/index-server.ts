import { createServer, type RequestListener } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { connect as connectSecurely } from 'node:tls'
import { type App, type Config, createApp } from 'pypi-server'
import { http2Client } from './http2-client.js'
import { temporaryDirectory } from './temporary.js'

/** Whether a host of `test/hosts` reads requests before the index does. */
export const isHosted = process.env['PYPI_TEST_HOST'] !== undefined

/** Where the index is mounted in the host that `PYPI_TEST_HOST` names. */
export const mountPath = process.env['PYPI_TEST_MOUNT'] ?? '/'

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

/**
 * Serves a new, empty directory, open to everybody unless the configuration says otherwise: by node:http at its root, or
 * by the host and at the path that `PYPI_TEST_HOST` and `PYPI_TEST_MOUNT` name.
 */
export async function serveIndex(t: TestContext, config: Partial<Config> = {}): Promise<IndexServer> {
  const root = typeof config.roots === 'string' ? config.roots : temporaryDirectory(t)
  const isGuarded =
    config.auther !== undefined || config.passwordFile !== undefined || config.authenticate !== undefined
  const source = config.backend === undefined ? { roots: config.roots ?? root } : {}
  const app = createApp({ ...source, ...(!isGuarded && { authenticate: [] }), ...config })
  const { PYPI_TEST_HOST: host } = process.env
  const origin = host === undefined ? await listen(t, app) : await listenOn(t, host, app)
  t.after(() => app.close())
  const url = `${origin}${mountPath}`
  const send = host === 'node:http2' ? await http2Client(t, origin) : fetch
  const request = (path: string, init: RequestInit = {}): Promise<Response> =>
    send(new URL(path.replace(/^\//, ''), url), { redirect: 'manual', ...init })
  return { app, root, url, request, post: (body, init = {}) => request('/', { method: 'POST', body, ...init }) }
}

async function listenOn(t: TestContext, host: string, app: App): Promise<string> {
  // Only then: most tests need no framework.
  const { hosts } = await import('../hosts/hosts.js')
  const start = hosts[host]
  if (start === undefined) throw new Error(`PYPI_TEST_HOST: no host is called ${host}`)
  return await start(t, [{ app, path: mountPath }])
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

/** What the host that `PYPI_TEST_HOST` names cannot pass on, with the reason: for the `skip` of tests that need it. */
export function lackOf(what: keyof typeof lacking): string | false {
  const { PYPI_TEST_HOST: host = '' } = process.env
  return lacking[what].includes(host) && `${host} passes no ${what} on`
}

// `Request` has a tidy URL, and knows no version.
const webHosts = ['Hono on Node', 'a fetch host']
const strippingProxy = 'a proxy that takes the path off'
const proxies = [strippingProxy, 'a proxy that leaves the path on']
const lacking: Readonly<
  Record<'reason phrase' | 'HTTP version' | 'raw path' | 'odd Host header' | 'mount path', readonly string[]>
> = {
  'reason phrase': ['node:http2', ...webHosts],
  'HTTP version': [...webHosts, ...proxies],
  'raw path': webHosts,
  'odd Host header': [...webHosts, ...proxies],
  'mount path': [strippingProxy],
}

/** A connection to the server at this address, for requests that `fetch` would tidy up. */
export function connectTo(url: string): Socket {
  const { protocol, hostname, port } = new URL(url)
  const to = { host: hostname, port: Number(port) }
  return protocol === 'https:' ? connectSecurely({ ...to, servername: hostname }) : connect(to)
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
