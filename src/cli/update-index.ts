import { type NormalizedName, PypiServerError, version } from '../index.js'
import { type ProjectPage, parseProjectPage } from './update-releases.js'

/** A simple index to ask. */
export interface IndexAddress {
  /** Without user name and password, without the last slash: fit to be shown. */
  readonly shown: string
  /** As it was given, password included. */
  readonly secret: string
  /** Value of the `Authorization` header; absent when the address holds no user. */
  readonly authorization?: string
}

/** How long to ask. */
export interface AskOptions {
  readonly signal: AbortSignal | undefined
  /** For the whole answer, redirects included; then the promise rejects with ERR_PYPI_ABORTED. */
  readonly timeoutMs: number
}

const maxRedirects = 3
const maxAnswerBytes = 32 * 1024 ** 2
const redirectStatuses: readonly number[] = [301, 302, 303, 307, 308]

/**
 * Takes the address of an index apart.
 * @throws ERR_PYPI_CONFIG unless it is an http or https address without a query; the message does not repeat it
 */
export function parseIndexAddress(text: string): IndexAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !isHttp(url) || url.search !== '') {
    throw new PypiServerError('ERR_PYPI_CONFIG', 'argument --index-url: takes an http or https address without a query')
  }
  const { username, password } = url
  const credentials = `${decoded(username)}:${decoded(password)}`
  const shown = withoutUser(url).href.replace(/\/+$/, '')
  if (username === '' && password === '') return { shown, secret: text }
  return { shown, secret: text, authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
}

/**
 * The page of a project, over at most three redirects and with at most 32 MiB; `undefined` when the index does not know
 * the project. The password goes to the origin of the index alone.
 * @throws ERR_PYPI_STORE_UNAVAILABLE for every other answer, and for none
 * @throws ERR_PYPI_ABORTED after the time limit or the caller's signal
 */
export async function askIndex(
  index: IndexAddress,
  name: NormalizedName,
  options: AskOptions,
): Promise<ProjectPage | undefined> {
  const { signal, timeoutMs } = options
  const limit = new AbortController()
  const stop = (): void => limit.abort(new PypiServerError('ERR_PYPI_ABORTED', 'stopped'))
  const late = new PypiServerError('ERR_PYPI_ABORTED', `no complete answer within ${timeoutMs / 1000} s`)
  const timer = setTimeout(() => limit.abort(late), timeoutMs).unref()
  signal?.addEventListener('abort', stop)
  if (signal?.aborted) stop()
  try {
    return await readPage(await follow(index, new URL(`${index.shown}/${name}/`), limit.signal))
  } catch (error) {
    throw limit.signal.aborted ? limit.signal.reason : asUnavailable(error)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

async function follow(index: IndexAddress, first: URL, signal: AbortSignal): Promise<Response> {
  let url = first
  for (let redirects = 0; ; redirects += 1) {
    const response = await fetch(url, { headers: headersFor(index, url), redirect: 'manual', signal })
    if (!redirectStatuses.includes(response.status)) return response
    await response.body?.cancel()
    if (redirects === maxRedirects) throw unavailable(`the index redirects more than ${maxRedirects} times`)
    url = redirectTarget(response, url)
  }
}

function headersFor({ shown, authorization }: IndexAddress, url: URL): Readonly<Record<string, string>> {
  const headers = { accept: 'application/vnd.pypi.simple.v1+json', 'user-agent': `pypi-server/${version}` }
  const isOwn = new URL(shown).origin === url.origin
  return authorization !== undefined && isOwn ? { ...headers, authorization } : headers
}

function redirectTarget(response: Response, from: URL): URL {
  const location = response.headers.get('location') ?? ''
  const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (location === '' || target === undefined || !isHttp(target)) throw unavailable('the index redirects to nowhere')
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    throw unavailable('the index redirects from https to http')
  }
  return withoutUser(target)
}

async function readPage(response: Response): Promise<ProjectPage | undefined> {
  const problem = problemWith(response)
  if (problem === undefined) return parseProjectPage(await readText(response))
  await response.body?.cancel()
  if (response.status === 404) return undefined
  throw unavailable(problem)
}

function problemWith({ status, headers }: Response): string | undefined {
  if (status !== 200) return `the index answers ${status}`
  const isHtml = /^(?:text\/html|application\/(?:xhtml\+xml|vnd\.pypi\.simple\.v1\+html))\b/i
  if (isHtml.test(headers.get('content-type') ?? '')) return 'the index answers HTML, not the JSON of PEP 691'
  return undefined
}

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    // Leaving the loop cancels the rest.
    if (size > maxAnswerBytes) throw unavailable(`the answer is larger than ${maxAnswerBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function asUnavailable(error: unknown): unknown {
  if (error instanceof PypiServerError) return error
  // fetch says only that it failed, and why in the cause; several addresses failing leave no message but a code.
  const { message, code } = ((error as Error).cause ?? error) as NodeJS.ErrnoException
  return unavailable(message || code || String(error), { cause: error })
}

function unavailable(message: string, options?: ErrorOptions): PypiServerError {
  return new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', message, options)
}

function isHttp({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:'
}

function withoutUser(url: URL): URL {
  const copy = new URL(url)
  copy.username = ''
  copy.password = ''
  copy.hash = ''
  return copy
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}
