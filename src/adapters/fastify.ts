import type { IncomingMessage, ServerResponse } from 'node:http'
import type { App } from '../index.js'
import { answerNode } from './answer-node.js'

/** As much of a Fastify instance as is needed; those of Fastify 4 and 5 fit. */
export interface FastifyScope {
  /** Path in front of the routes of this scope. */
  readonly prefix: string
  /** Takes away everything that would read a body. */
  removeAllContentTypeParsers(): unknown
  /** Says who reads bodies of a type; `*` is every type. */
  addContentTypeParser(
    contentType: string,
    parser: (request: unknown, payload: unknown, done: (error: Error | null) => void) => void,
  ): unknown
  /** A route for every method. */
  all(path: string, handler: (request: FastifyCall, reply: FastifyAnswer) => Promise<unknown>): unknown
}

/** As much of Fastify's request as is needed. */
export interface FastifyCall {
  /** Request of node:http below it. */
  readonly raw: IncomingMessage
  /** Target as the client sent it, before any rewriting. */
  readonly originalUrl: string
}

/** As much of Fastify's reply as is needed. */
export interface FastifyAnswer {
  /** Response of node:http below it. */
  readonly raw: ServerResponse
  /** Tells Fastify that somebody else answers. */
  hijack(): unknown
  /** Hands on to the not-found handler of the application. */
  callNotFound(): unknown
}

/** What `register` is given beside the plugin. */
export interface FastifyOptions {
  /** Index to mount; it stays the caller's to close. */
  readonly app: App
  /** Path in front of the index, read by Fastify itself. @default none */
  readonly prefix?: string
}

/**
 * The index as a Fastify plugin. In its scope nobody reads bodies, so that uploads reach the index as they come in; the
 * rest of the application is not touched. `onSend` hooks do not see the answers, and paths without a route are answered
 * by the application's not-found handler. Fastify's `onClose` does not close the app: it may be mounted elsewhere, too.
 *
 * @example await host.register(fastifyPlugin, { prefix: '/pypi', app })
 */
export async function fastifyPlugin(scope: FastifyScope, { app }: FastifyOptions): Promise<void> {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
  for (const path of ['/', '/*']) {
    scope.all(path, async ({ raw, originalUrl }, reply) => {
      const isAnswered = await answerNode(app, raw, reply.raw, { mountPath: scope.prefix, originalUrl })
      return isAnswered ? reply.hijack() : reply.callNotFound()
    })
  }
}
