import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { nginx, startNginx } from '../helpers/front-servers.js'
import { startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { unusedPort } from '../helpers/unused-port.js'

const reason = nginx.missing
const skip = reason !== undefined && !process.env['CI'] && reason
const file = wheel({ name: 'demo', version: '1.0', method: 'stored', files: { data: Buffer.alloc(300_000, 'x') } })
const whole = Buffer.from(file.bytes)
const recipes = readFileSync(new URL('../../../docs/recipes.md', import.meta.url), 'utf8')
const [, recipe = ''] = /## Files sent by nginx[\s\S]*?```conf\n([\s\S]*?)```/.exec(recipes) ?? []

/** The recipe of the documentation, in front of the command; tells the address of the file. */
async function serve(t: TestContext): Promise<{ readonly origin: string; readonly address: string }> {
  assert.equal(reason, undefined, reason)
  const root = temporaryDirectory(t)
  writeFileSync(join(root, file.filename), whole)
  const server = await startServer({ directory: root, args: ['-P', '.', '-a', '.', '--sendfile', '/protected/'] })
  t.after(() => server.stop())
  const port = await unusedPort()
  const locations = recipe.replace('127.0.0.1:8080', new URL(server.url).host).replace('/srv/packages/', `${root}/`)
  const origin = await startNginx(t, `server { listen 127.0.0.1:${port}; ${locations} }`, port)
  return { origin, address: `${origin}/packages/${file.filename}` }
}

test('nginx sends files that the index names, whole, in part and not at all', { skip }, async (t) => {
  const { address } = await serve(t)
  const ask = async (
    headers: Readonly<Record<string, string>> = {},
    method = 'GET',
  ): Promise<{ readonly response: Response; readonly bytes: Buffer }> => {
    // Else the client asks for a coding of its own.
    const response = await fetch(address, { method, headers: { 'accept-encoding': 'identity', ...headers } })
    return { response, bytes: Buffer.from(await response.arrayBuffer()) }
  }
  const { response, bytes } = await ask()
  assert.equal(response.status, 200)
  assert.ok(bytes.equals(whole))
  const head = Object.fromEntries(response.headers)
  assert.equal(head['x-accel-redirect'], undefined)
  assert.equal(head['content-type'], 'application/octet-stream')
  assert.equal(head['content-security-policy'], "default-src 'none'; sandbox")
  assert.equal(head['x-content-type-options'], 'nosniff')
  assert.equal(head['cache-control'], 'public, no-cache')
  const { etag = '', 'last-modified': modified = '' } = head

  const part = await ask({ range: 'bytes=100-199', 'if-range': etag })
  assert.deepEqual(
    [part.response.status, part.response.headers.get('content-range')],
    [206, `bytes 100-199/${whole.length}`],
  )
  assert.ok(part.bytes.equals(whole.subarray(100, 200)))
  const other = await ask({ range: 'bytes=100-199', 'if-range': '"other"' })
  assert.deepEqual([other.response.status, other.bytes.length], [200, whole.length])
  const outside = await ask({ range: `bytes=${whole.length}-` })
  assert.deepEqual(
    [outside.response.status, outside.response.headers.get('content-range')],
    [416, `bytes */${whole.length}`],
  )
  const conditions: readonly Readonly<Record<string, string>>[] = [
    { 'if-none-match': etag },
    { 'if-modified-since': modified },
  ]
  for (const condition of conditions) {
    const unchanged = await ask(condition)
    assert.deepEqual([unchanged.response.status, unchanged.bytes.length], [304, 0])
  }
  const described = await ask({}, 'HEAD')
  assert.deepEqual([described.response.status, described.response.headers.get('etag')], [200, etag])
  assert.equal(described.response.headers.get('content-length'), String(whole.length))
})

test('the addresses that nginx sends files from are closed to clients', { skip }, async (t) => {
  const { origin } = await serve(t)
  assert.equal((await fetch(`${origin}/protected/0/${file.filename}`)).status, 404)
})
