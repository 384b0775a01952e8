import 'reflect-metadata'
import type { RequestListener } from 'node:http'
import type { TestContext } from 'node:test'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'

class Root {}
// Decorators need a compiler setting; calling them is the same.
Module({})(Root)

/** A Nest application with what `addMiddleware` adds to it. */
export async function nestListener(
  t: TestContext,
  addMiddleware: (host: NestExpressApplication) => void,
): Promise<RequestListener> {
  const host = await NestFactory.create<NestExpressApplication>(Root, { logger: false, bodyParser: false })
  t.after(() => host.close())
  addMiddleware(host)
  await host.init()
  return host.getHttpAdapter().getInstance() as RequestListener
}
