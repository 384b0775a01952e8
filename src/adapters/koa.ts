import type { IncomingMessage, ServerResponse } from 'node:http'
import type { App } from '../index.js'
import { answerNode } from './answer-node.js'

/** As much of Koa's context as is needed; those of Koa 2 and 3 fit. */
export interface KoaContext {
  /** Request of node:http. */
  readonly req: IncomingMessage
  /** Response of node:http. */
  readonly res: ServerResponse
  /** Target as the client sent it, before any mount took something off. */
  readonly originalUrl: string
  /** `false` tells Koa that somebody else answers. @default true */
  respond?: boolean | undefined
}

/** Where in a Koa application the index is. */
export interface KoaOptions {
  /** Path in front of the index, such as `/pypi`; other paths are handed on. Leave it out below `koa-mount`. @default none */
  readonly mountPath?: string
}

/**
 * The index as Koa middleware. Paths that it has no route for go to the next middleware; everything else is answered by
 * the index itself, so that what other middleware sets on `ctx.body` or in `ctx.status` is not seen.
 *
 * @example host.use(koaMiddleware(app, { mountPath: '/pypi' }))
 */
export function koaMiddleware(
  app: App,
  { mountPath = '' }: KoaOptions = {},
): (ctx: KoaContext, next: () => Promise<unknown>) => Promise<void> {
  return async (ctx, next) => {
    const { respond } = ctx
    // Koa must not end what it believes to be unanswered while an upload is still being read.
    ctx.respond = false
    if (await answerNode(app, ctx.req, ctx.res, { mountPath, originalUrl: ctx.originalUrl })) return
    if (respond === undefined) delete ctx.respond
    else ctx.respond = respond
    await next()
  }
}
