import type { App } from '../index.js'

/** As much of Hono's context as is needed. */
export interface HonoContext {
  /** Hono's request, around that of the web standard. */
  readonly req: { readonly raw: Request }
  /** What the server hands on: `@hono/node-server` hands on Node's request. */
  readonly env?: unknown
}

interface NodeEnv {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } }
}

/** Where in a Hono application the index is. */
export interface HonoOptions {
  /** Path in front of the index, such as `/pypi`. @default none */
  readonly mountPath?: string
}

/**
 * The index as a Hono handler, on Node. Paths that it has no route for go to the next handler. The client's address is that
 * of `env.incoming`, which `@hono/node-server` sets; other servers tell none.
 *
 * @example host.all('/pypi/*', honoHandler(app, { mountPath: '/pypi' }))
 */
export function honoHandler(
  app: App,
  { mountPath = '' }: HonoOptions = {},
): (context: HonoContext, next: () => Promise<void>) => Promise<Response | undefined> {
  return async ({ req: { raw }, env }, next) => {
    let isHandedOn = false
    const address = (env as NodeEnv | undefined)?.incoming?.socket?.remoteAddress
    const response = await app.fetch(raw, {
      mountPath,
      ...(address !== undefined && { address }),
      next: () => {
        isHandedOn = true
        return new Response()
      },
    })
    if (!isHandedOn) return response
    await next()
    return undefined
  }
}
