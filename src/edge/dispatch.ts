import findMyWay from 'find-my-way'
import { LRUCache } from 'lru-cache'
import { PypiServerError } from '../errors.js'
import type { Call, Reply } from '../http/message.js'
import type { Access, Route, Services } from '../routes/route.js'
import { andThen } from '../util/awaitable.js'
import { hasControlCharacters } from '../util/control-characters.js'
import { repeatable } from '../util/repeatable.js'
import { type AccessOptions, grantAccess } from './access.js'
import { checkSameSite } from './same-site.js'

/** A call before its route is known; the dispatcher fills its parameters in. */
export type RawCall = Omit<Call, 'params'> & {
  params: Call['params']
  /** Pattern of the route, once it is known. */
  route?: string | undefined
  /** What the log and the client call this request, if there is somebody to look it up. */
  requestId?: string | undefined
}

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
  /** Answers at once where the route does; throws or rejects with what the edge turns into an answer. */
  readonly dispatch: (call: RawCall, request: unknown) => Dispatched | Promise<Dispatched>
}

const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const
const maxParamLength = 1024
// A few hundred kilobytes at most.
const maxTargets = 1000
const maxTargetLength = 200

/** A dispatcher over these routes. */
export function createDispatcher(routes: readonly Route[], services: Services, access: AccessOptions): Dispatcher {
  const router = findMyWay({ maxParamLength, onBadUrl: () => {} })
  for (const route of routes) router.on(route.method, route.path, () => {}, route)

  const find = (method: Route['method'], path: string): ReturnType<typeof router.find> => {
    const found = router.find(method, path)
    return found?.store === undefined || found.store === null ? null : found
  }
  const allowed = (path: string): readonly string[] => methods.filter((method) => find(method, path) !== null)

  const targets = new LRUCache<string, Target>({ max: maxTargets })

  /** Remembers what reads lead to: clients ask for the same pages again and again. */
  function targetOf(call: RawCall): Target {
    const { method, path } = call
    const known = method === 'GET' ? targets.get(path) : undefined
    if (known !== undefined) return known
    checkPath(path, services.limits.maxPathBytes)
    const routed = methods.find((name) => name === method)
    const found = routed === undefined ? null : find(routed, path)
    if (found === null) throw noRoute(call, allowed(path))
    const target = { route: found.store as Route, params: checkParams(found.params) }
    if (method === 'GET' && path.length <= maxTargetLength) targets.set(path, target)
    return target
  }

  function dispatch(call: RawCall, request: unknown): Dispatched | Promise<Dispatched> {
    const { route, params } = targetOf(call)
    call.params = params
    call.route = route.path
    if (route.method !== 'GET') checkSameSite(call)
    const granted = route.action === 'public' ? anonymous : grantAccess(access, call, request, route.action)
    return andThen(granted, (by) => {
      const user = by.identity?.name ?? null
      return andThen(route.handler(call, services, by), (reply) => ({ reply, user }))
    })
  }

  return { hasRoute: (path) => path.startsWith('/') && allowed(path).length > 0, dispatch }
}

/** Where a call leads. */
interface Target {
  readonly route: Route
  readonly params: Call['params']
}

const anonymous: Access = {
  identity: null,
  require: async () => {
    throw new PypiServerError('ERR_PYPI_FORBIDDEN', 'this route is for reading only')
  },
}

function noRoute({ method, path }: RawCall, allow: readonly string[]): PypiServerError {
  if (allow.length === 0)
    return new PypiServerError('ERR_PYPI_NOT_FOUND', `nothing is at ${repeatable(path, 'this address')}`)
  const names = allow.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])).join(', ')
  const message = `${method} is not possible here, only ${names}`
  return new PypiServerError('ERR_PYPI_METHOD_NOT_ALLOWED', message, { cause: { allow: names } })
}

function checkPath(path: string, maxBytes: number): void {
  if (path.length > maxBytes) {
    throw new PypiServerError(
      'ERR_PYPI_PATH_TOO_LONG',
      `the path has ${path.length} characters, the limit is ${maxBytes}`,
    )
  }
  // RFC 9112 3.2 knows targets without one, such as `*`, and the router takes them for names.
  if (!path.startsWith('/')) throw new PypiServerError('ERR_PYPI_BAD_REQUEST', 'the path does not begin with a slash')
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
      throw new PypiServerError('ERR_PYPI_NOT_FOUND', 'the path holds no project name')
    }
    checked[name] = value
  }
  return checked
}
