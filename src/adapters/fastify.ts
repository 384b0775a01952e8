import type { IncomingMessage, ServerResponse } from 'node:http'
import type { App } from '../index.js'
import { answerNode } from './answer-node.js'

/** As much of a Fastify instance as is needed; those of Fastify 4 and 5 fit. */
export interface FastifyScope {
  readonly prefix: string
  removeAllContentTypeParsers(): unknown
  addContentTypeParser(
    contentType: string,
    parser: (request: unknown, payload: unknown, done: (error: Error | null) => void) => void,
  ): unknown
  all(path: string, handler: (request: FastifyCall, reply: FastifyAnswer) => Promise<unknown>): unknown
}

/** As much of Fastify's request as is needed. */
export interface FastifyCall {
  readonly raw: IncomingMessage
  readonly originalUrl: string
}

/** As much of Fastify's reply as is needed. */
export interface FastifyAnswer {
  readonly raw: ServerResponse
  hijack(): unknown
  callNotFound(): unknown
}

/** What `register` is given beside the plugin. */
export interface FastifyOptions {
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
