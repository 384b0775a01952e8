import findMyWay from 'find-my-way'
import { PypiServerError } from '../errors.js'
import type { Call, Reply } from '../http/message.js'
import type { Access, Route, Services } from '../routes/route.js'
import { hasControlCharacters } from '../util/control-characters.js'
import { type AccessOptions, grantAccess } from './access.js'

/** A call before its route is known. */
export type RawCall = Omit<Call, 'params'>

/** What a dispatcher made of a call. */
export interface Dispatched {
  readonly reply: Reply
  /** Who asked; null for anonymous. */
  readonly user: string | null
}

/** Matches, asks who is calling and whether they may, once, and hands the decoded target to the route. */
export interface Dispatcher {
  /** Whether a route of any method has this path. */
  readonly hasRoute: (path: string) => boolean
  /** Rejects with what the edge turns into an answer. */
  readonly dispatch: (call: RawCall, request: unknown) => Promise<Dispatched>
}

const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const
const maxParamLength = 1024

/** A dispatcher over these routes. */
export function createDispatcher(routes: readonly Route[], services: Services, access: AccessOptions): Dispatcher {
  const router = findMyWay({ maxParamLength, onBadUrl: () => {} })
  for (const route of routes) router.on(route.method, route.path, () => {}, route)

  const find = (method: Route['method'], path: string): ReturnType<typeof router.find> => {
    const found = router.find(method, path)
    return found?.store === undefined || found.store === null ? null : found
  }
  const allowed = (path: string): readonly string[] => methods.filter((method) => find(method, path) !== null)

  async function dispatch(raw: RawCall, request: unknown): Promise<Dispatched> {
    checkPath(raw.path)
    const method = methods.find((known) => known === raw.method)
    const found = method === undefined ? null : find(method, raw.path)
    if (found === null) throw noRoute(raw, allowed(raw.path))
    const route = found.store as Route
    const call: Call = { ...raw, params: checkParams(found.params) }
    if (method !== 'GET') checkSameSite(call)
    const granted = route.action === 'public' ? anonymous : await grantAccess(access, call, request, route.action)
    return { reply: await route.handler(call, services, granted), user: granted.identity?.name ?? null }
  }

  return { hasRoute: (path) => allowed(path).length > 0, dispatch }
}

const anonymous: Access = {
  identity: null,
  require: async () => {
    throw new PypiServerError('ERR_PYPI_FORBIDDEN', 'this route is for reading only')
  },
}

function noRoute({ method, path }: RawCall, allow: readonly string[]): PypiServerError {
  if (allow.length === 0) return new PypiServerError('ERR_PYPI_NOT_FOUND', `nothing is at ${JSON.stringify(path)}`)
  const names = allow.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])).join(', ')
  const message = `${method} is not possible here, only ${names}`
  return new PypiServerError('ERR_PYPI_METHOD_NOT_ALLOWED', message, { cause: { allow: names } })
}

/** A web page elsewhere must not act with the login that a browser remembers (Fetch Metadata). */
function checkSameSite({ headers }: Call): void {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'same-origin' || site === 'none') return
  throw new PypiServerError('ERR_PYPI_FORBIDDEN', 'requests from other web sites are not accepted')
}

function checkPath(path: string): void {
  try {
    decodeURIComponent(path)
  } catch {
    throw new PypiServerError('ERR_PYPI_BAD_REQUEST', 'the path is not percent-encoded UTF-8')
  }
}

/** Names are looked up and never joined to a directory; what no name can hold is refused all the same. */
function checkParams(params: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const checked: Record<string, string> = {}
  for (const [name, value = ''] of Object.entries(params)) {
    if (value.includes('\\') || hasControlCharacters(value)) {
      throw new PypiServerError('ERR_PYPI_BAD_REQUEST', 'the path has control characters or backslashes')
    }
    if (value === '' || (name !== '*' && value.includes('/'))) {
      throw new PypiServerError('ERR_PYPI_NOT_FOUND', `${JSON.stringify(value)} is no project name`)
    }
    checked[name] = value
  }
  return checked
}
