/** What a caller wants to do; each route carries one. */
export type Action = 'list' | 'download' | 'upload' | 'remove' | 'yank' | 'admin'

/** Groups of actions that `authenticate` names, as pypiserver has them; `update` covers everything but `list` and `download`. */
export type ActionGroup = 'list' | 'download' | 'update'

/** What a login is good for at most, whatever the authorizer says. It only narrows: it grants nothing. */
export interface Scope {
  /** Actions that are covered; `all` is every one, also those of later versions. */
  readonly actions: readonly Action[] | 'all'
  /**
   * Globs on normalized names: `*` is any run of characters, `?` exactly one. A call that names no project, such as for
   * the list of all, needs the action only.
   */
  readonly projects: readonly string[]
}

/** Someone whose credentials were good. */
export interface Identity {
  /** Shown in the log, in events and in the audit log; what rules are written for. */
  readonly name: string
  /** What these credentials are good for at most; calls outside are answered 403. @default no limit */
  readonly scope?: Scope
  readonly [claim: string]: unknown
}

/** What is being asked of whom, for authers and authorizers that want to know. */
export interface AuthContext {
  /** What the caller wants to do. */
  readonly action: Action
  /** Normalized name, where the route names one project. */
  readonly project?: string
  /** The host's own request object (`IncomingMessage` or `Request`), for sessions and `req.user`. */
  readonly request: unknown
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal
}

/** At once, or later. */
export type Awaitable<T> = T | Promise<T>

/**
 * Who is asking? `true` means "yes, this user"; `false` or `null` means nobody. Rejecting means "cannot tell" and is
 * answered 503. API tokens arrive as user `__token__`; `Authorization: Bearer T` arrives the same way.
 */
export type Auther = (username: string, password: string, context: AuthContext) => Awaitable<boolean | Identity | null>

/**
 * Whom does the host know already, by its session or single sign-on? Asked before credentials are looked at, with or
 * without any. `null` or `undefined` means nobody, and the auther is asked; rejecting is answered 503.
 */
export type Identify = (context: AuthContext) => Awaitable<Identity | null | undefined>

/** May they? `identity` is null for anonymous. Rejecting is answered 503. */
export type Authorizer = (identity: Identity | null, context: AuthContext) => Awaitable<boolean>
