import type { Action, ActionGroup, AuthContext, Auther, Authorizer, Identity } from '../auth/auther.js'
import type { LoginGuard } from '../auth/login-guard.js'
import { describeScope, isInScope, scopeOf } from '../auth/scope.js'
import { errorCode, errorMessage, PypiServerError } from '../errors.js'
import { type Credentials, parseAuthorization } from '../http/authorization.js'
import type { Call } from '../http/message.js'
import { normalizeName } from '../packaging/name.js'
import type { Access } from '../routes/route.js'

/** Who may come in and what they may do. */
export interface AccessOptions {
  readonly auther: Auther | undefined
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
 * Finds out who calls, and refuses what they may not do.
 * @throws ERR_PYPI_UNAUTHENTICATED, ERR_PYPI_FORBIDDEN; ERR_PYPI_AUTH_UNAVAILABLE when that cannot be told
 */
export async function grantAccess(
  options: AccessOptions,
  call: Call,
  request: unknown,
  action: Action,
): Promise<Access> {
  const { project } = call.params
  const context = contextOf(call, request, action, project)
  const identity = await authenticate(options, call, context)
  const access: Access = {
    identity,
    require: (wanted, of) => authorize(options, identity, contextOf(call, request, wanted, of)),
  }
  await access.require(action, project)
  return access
}

function contextOf({ signal }: Call, request: unknown, action: Action, project: string | undefined): AuthContext {
  return { action, request, signal, ...(project !== undefined && { project: normalizeName(project) }) }
}

async function authenticate(options: AccessOptions, call: Call, context: AuthContext): Promise<Identity | null> {
  const credentials = parseAuthorization(call.headers['authorization'])
  if (credentials === 'none') return null
  // Without an auther nobody can be told from anybody: what is open stays open, what is not is refused later.
  const { auther, logins } = options
  if (auther === undefined) return null
  const check = (given: Credentials) => () => ask(auther, given, context)
  const { address } = call
  const identity =
    credentials === 'malformed' ? null : await logins.attempt({ address, ...credentials, check: check(credentials) })
  if (identity !== null) return identity
  throw new PypiServerError('ERR_PYPI_UNAUTHENTICATED', 'wrong user name or password')
}

async function ask(
  auther: Auther,
  { username, password }: Credentials,
  context: AuthContext,
): Promise<Identity | null> {
  const answer = await cannotTell(() => auther(username, password, context))
  if (answer === true) return { name: username }
  return typeof answer === 'object' ? answer : null
}

async function authorize(options: AccessOptions, identity: Identity | null, context: AuthContext): Promise<void> {
  const { auther, authorizer } = options
  const isLoginMissing = identity === null && needsLogin(options, context.action)
  if (isLoginMissing && auther === undefined) {
    const message = `${context.action} needs a login, and this server was given no users: set passwordFile or auther`
    throw new PypiServerError('ERR_PYPI_FORBIDDEN', message)
  }
  if (identity?.scope !== undefined) assertInScope(identity, context)
  const isAllowed = authorizer === undefined || (await cannotTell(() => authorizer(identity, context))) === true
  if (isAllowed && !isLoginMissing) return
  if (identity === null && auther !== undefined) {
    throw new PypiServerError('ERR_PYPI_UNAUTHENTICATED', `${context.action} needs a login`)
  }
  throw new PypiServerError('ERR_PYPI_FORBIDDEN', `${identity?.name ?? 'anonymous'} may not ${describe(context)}`)
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

async function cannotTell<T>(question: () => T | Promise<T>): Promise<T> {
  try {
    return await question()
  } catch (error) {
    const code = errorCode(error)
    // Which file is broken, and where, is for the log: clients may be anybody.
    if (code?.startsWith('ERR_PYPI_') && code !== 'ERR_PYPI_AUTH_UNAVAILABLE') throw error
    const message = 'logins cannot be checked at the moment'
    throw new PypiServerError('ERR_PYPI_AUTH_UNAVAILABLE', message, { cause: errorMessage(error) && error })
  }
}
