import 'reflect-metadata'
import type { RequestListener } from 'node:http'
import type { TestContext } from 'node:test'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { App } from 'pypi-server'

class Root {}
// Decorators need a compiler setting; calling them is the same.
Module({})(Root)

/** A Nest application with the index as middleware below `path`. */
export async function nestListener(t: TestContext, app: App, path: string): Promise<RequestListener> {
  const host = await NestFactory.create<NestExpressApplication>(Root, { logger: false, bodyParser: false })
  t.after(() => host.close())
  host.use(path, app)
  await host.init()
  return host.getHttpAdapter().getInstance() as RequestListener
}
