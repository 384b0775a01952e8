import assert from 'node:assert/strict'
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { serveIndex } from '../helpers/index-server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

test('readiness ends with drain, while everything else goes on', async (t) => {
  const { app, request } = await serveIndex(t)
  assert.equal((await request('/health?ready')).status, 200)
  app.drain()
  const response = await request('/health?ready')
  assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '2'])
  for (const path of ['/health', '/simple/']) assert.equal((await request(path)).status, 200)
})

test('an index without its directory is alive and not ready, and ready again with it', async (t) => {
  const roots = join(temporaryDirectory(t), 'root')
  mkdirSync(roots)
  const { request } = await serveIndex(t, { roots })
  assert.equal((await request('/health?ready')).status, 200)
  renameSync(roots, `${roots}.away`)
  assert.equal((await request('/health?ready')).status, 503)
  assert.equal((await request('/health')).status, 200)
  renameSync(`${roots}.away`, roots)
  assert.equal((await request('/health?ready')).status, 200)
})
