/** What a caller wants to do; each route carries one. */
export type Action = 'list' | 'download' | 'upload' | 'remove' | 'yank' | 'admin'

/** Groups of actions that `authenticate` names, as pypiserver has them; `update` covers everything but `list` and `download`. */
export type ActionGroup = 'list' | 'download' | 'update'

/** Someone whose credentials were good. */
export interface Identity {
  readonly name: string
  readonly [claim: string]: unknown
}

/** What is being asked of whom, for authers and authorizers that want to know. */
export interface AuthContext {
  readonly action: Action
  /** Normalized name, where the route names one project. */
  readonly project?: string
  /** The host's own request object (`IncomingMessage` or `Request`), for sessions and `req.user`. */
  readonly request: unknown
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal
}

export type Awaitable<T> = T | Promise<T>

/**
 * Who is asking? `true` means "yes, this user"; `false` or `null` means nobody. Rejecting means "cannot tell" and is
 * answered 503. API tokens arrive as user `__token__`; `Authorization: Bearer T` arrives the same way.
 */
export type Auther = (username: string, password: string, context: AuthContext) => Awaitable<boolean | Identity | null>

/** May they? `identity` is null for anonymous. Rejecting is answered 503. */
export type Authorizer = (identity: Identity | null, context: AuthContext) => Awaitable<boolean>
