import type {
  Action,
  ActionGroup,
  AuthContext,
  Auther,
  Authorizer,
  Awaitable,
  Identify,
  Identity,
} from '../auth/auther.js'
import type { LoginGuard } from '../auth/login-guard.js'
import { describeScope, isInScope, scopeOf } from '../auth/scope.js'
import { errorCode, errorMessage, PypiServerError } from '../errors.js'
import { type Credentials, parseAuthorization } from '../http/authorization.js'
import type { Call } from '../http/message.js'
import { type NormalizedName, normalizeName } from '../packaging/name.js'
import type { Access } from '../routes/route.js'
import { andThen, isPromise } from '../util/awaitable.js'

/** Who may come in and what they may do. */
export interface AccessOptions {
  readonly auther: Auther | undefined
  readonly identify: Identify | undefined
  readonly authorizer: Authorizer | undefined
  readonly authenticate: ReadonlySet<ActionGroup>
  readonly logins: LoginGuard
}

/** Whether somebody has to log in for this. */
export function needsLogin({ authenticate }: Pick<AccessOptions, 'authenticate'>, action: Action): boolean {
  return authenticate.has(action === 'list' || action === 'download' ? action : 'update')
}

/** Whether answers depend on who asks. */
export function isRestricted(options: Pick<AccessOptions, 'authenticate' | 'authorizer'>, action: Action): boolean {
  return options.authorizer !== undefined || needsLogin(options, action)
}

/**
 * Finds out who calls, and refuses what they may not do; at once when nobody has to be asked.
 * @throws ERR_PYPI_UNAUTHENTICATED, ERR_PYPI_FORBIDDEN; ERR_PYPI_AUTH_UNAVAILABLE when that cannot be told
 */
export function grantAccess(
  options: AccessOptions,
  call: Call,
  request: unknown,
  action: Action,
): Access | Promise<Access> {
  const asked = { options, call, request }
  return andThen(authenticate(asked, action), (identity) => {
    const access: Access = { identity, require: (wanted, project) => authorize(asked, identity, wanted, project) }
    return andThen(access.require(action, call.params['project']), () => access)
  })
}

/** Who asks for what, as far as it is known before the login. */
interface Asked {
  readonly options: AccessOptions
  readonly call: Call
  readonly request: unknown
}

const callOf = Symbol('call')
// One function for all contexts: of getters of their own each would have a shape of its own, which takes twice as long as
// all else. On the object itself, so that copies have the signal.
const signalProperty: PropertyDescriptor & ThisType<CallContext> = {
  enumerable: true,
  get() {
    return this[callOf].signal
  },
}

class CallContext {
  readonly action: Action
  readonly request: unknown
  declare readonly project?: NormalizedName
  declare readonly signal: AbortSignal
  readonly [callOf]: Call

  constructor({ call, request }: Asked, action: Action, project: string | undefined) {
    this.action = action
    this.request = request
    this[callOf] = call
    if (project !== undefined) this.project = normalizeName(project)
    Object.defineProperty(this, 'signal', signalProperty)
  }
}

function contextOf(asked: Asked, action: Action, project: string | undefined): AuthContext {
  return new CallContext(asked, action, project)
}

function authenticate(asked: Asked, action: Action): Awaitable<Identity | null> {
  const { identify } = asked.options
  if (identify === undefined) return logIn(asked, action)
  const known = cannotTell(() => identify(contextOf(asked, action, asked.call.params['project'])))
  return andThen(known, (identity) => (identity ? named(identity) : logIn(asked, action)))
}

/** A name that is none would be anybody's in rules and in the log. */
function named(identity: Identity): Identity {
  if (typeof identity.name === 'string' && identity.name !== '') return identity
  throw new PypiServerError('ERR_PYPI_AUTH_UNAVAILABLE', 'logins cannot be checked at the moment', {
    cause: new TypeError('identify answered somebody without a name'),
  })
}

function logIn(asked: Asked, action: Action): Awaitable<Identity | null> {
  const { auther, logins } = asked.options
  const { headers, params, address } = asked.call
  const credentials = parseAuthorization(headers['authorization'])
  if (credentials === 'none') return null
  // Without an auther nobody can be told from anybody: what is open stays open, what is not is refused later.
  if (auther === undefined) return null
  if (credentials === 'malformed') throw wrongLogin()
  const check = (): Awaitable<Identity | null> => ask(auther, credentials, contextOf(asked, action, params['project']))
  return andThen(logins.attempt({ address, ...credentials, check }), (identity) => {
    if (identity === null) throw wrongLogin()
    return identity
  })
}

function ask(auther: Auther, { username, password }: Credentials, context: AuthContext): Awaitable<Identity | null> {
  const asked = cannotTell(() => auther(username, password, context))
  return andThen(asked, (answer) => {
    if (answer === true) return { name: username }
    return typeof answer === 'object' ? answer : null
  })
}

function wrongLogin(): PypiServerError {
  return new PypiServerError('ERR_PYPI_UNAUTHENTICATED', 'wrong user name or password')
}

function authorize(
  asked: Asked,
  identity: Identity | null,
  action: Action,
  project: string | undefined,
): void | Promise<void> {
  const { options } = asked
  const isLoginMissing = identity === null && needsLogin(options, action)
  // Everybody may, whoever they are: nobody needs to be told what this is about.
  if (!isLoginMissing && identity?.scope === undefined && options.authorizer === undefined) return
  const context = contextOf(asked, action, project)
  if (isLoginMissing && !canLogIn(options)) {
    const message = `${action} needs a login, and this server was given no users: set passwordFile or auther`
    throw new PypiServerError('ERR_PYPI_FORBIDDEN', message)
  }
  if (identity?.scope !== undefined) assertInScope(identity, context)
  const { authorizer } = options
  const allowed = authorizer === undefined || cannotTell(() => authorizer(identity, context))
  return andThen(allowed, (isAllowed) => {
    if (isAllowed !== true || isLoginMissing) throw refusal(options, identity, context)
  })
}

function canLogIn({ auther, identify }: AccessOptions): boolean {
  return auther !== undefined || identify !== undefined
}

function refusal(options: AccessOptions, identity: Identity | null, context: AuthContext): PypiServerError {
  if (identity === null && canLogIn(options)) {
    return new PypiServerError('ERR_PYPI_UNAUTHENTICATED', `${context.action} needs a login`)
  }
  return new PypiServerError('ERR_PYPI_FORBIDDEN', `${identity?.name ?? 'anonymous'} may not ${describe(context)}`)
}

/** Whatever the host's authorizer says: a scope is part of the credentials. */
function assertInScope(identity: Identity, context: AuthContext): void {
  const scope = scopeOf(identity.scope, 'scope of the identity')
  if (isInScope(scope, context.action, context.project)) return
  const message = `${identity.name} may not ${describe(context)}: it is good for ${describeScope(scope)}`
  throw new PypiServerError('ERR_PYPI_FORBIDDEN', message)
}

function describe({ action, project }: AuthContext): string {
  return project === undefined ? action : `${action} ${project}`
}

/** The answer of somebody else's function; that it failed is never taken for a no. */
function cannotTell<T>(question: () => Awaitable<T>): Awaitable<T> {
  try {
    const answer = question()
    return isPromise(answer) ? Promise.resolve(answer).catch(rethrow) : answer
  } catch (error) {
    return rethrow(error)
  }
}

function rethrow(error: unknown): never {
  const code = errorCode(error)
  // Which file is broken, and where, is for the log: clients may be anybody.
  if (code?.startsWith('ERR_PYPI_') && code !== 'ERR_PYPI_AUTH_UNAVAILABLE') throw error
  const message = 'logins cannot be checked at the moment'
  throw new PypiServerError('ERR_PYPI_AUTH_UNAVAILABLE', message, { cause: errorMessage(error) && error })
}
