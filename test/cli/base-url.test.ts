import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { wheel } from '../helpers/archives.js'
import { uploadForm } from '../helpers/index-server.js'
import { startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'

const demo = wheel({ name: 'demo', version: '1.0' })

/** The address in front of the prefix, without a slash. */
async function start(t: TestContext, prefix: string, ...args: readonly string[]): Promise<string> {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, demo.filename), demo.bytes)
  const server = await startServer({ directory, args: ['--server-base-url', prefix, '-P', '.', '-a', '.', ...args] })
  t.after(() => server.stop())
  return new URL(server.url).origin
}

for (const prefix of ['/prefix/', '/prefix', 'prefix', '/a/b/'] as const) {
  test(`with ${prefix} pages, redirects and files are below it`, async (t) => {
    const origin = await start(t, prefix)
    const base = `${origin}/${prefix.replace(/^\/|\/$/g, '')}`
    const page = await fetch(`${base}/simple/Demo/`)
    assert.equal(page.url, `${base}/simple/demo/`)
    const [, href = ''] = /href="([^"#]+)/.exec(await page.text()) ?? []
    assert.equal(new URL(href, page.url).href, `${base}/packages/${demo.filename}`)
    assert.equal((await fetch(new URL(href, page.url))).status, 200)
    assert.equal((await fetch(`${base}?x=1`)).url, `${base}/`)
    assert.ok((await (await fetch(`${base}/`)).text()).includes(`--index-url ${base}/simple/ PACKAGE`))
  })
}

test('nothing is beside the path', async (t) => {
  const origin = await start(t, '/prefix/')
  const statuses = ['/', '/health', '/simple/', '/prefixed/', '/favicon.ico'].map(
    async (path) => (await fetch(origin + path, { redirect: 'manual' })).status,
  )
  assert.deepEqual(await Promise.all(statuses), [404, 404, 404, 404, 404])
  assert.equal((await fetch(`${origin}/prefix/health`)).status, 200)
})

test('uploads go to the path', async (t) => {
  const origin = await start(t, '/prefix/')
  const other = wheel({ name: 'other', version: '1.0' })
  const post = async (path: string): Promise<number> =>
    (await fetch(origin + path, { method: 'POST', body: uploadForm(other) })).status
  assert.deepEqual([await post('/'), await post('/prefix/')], [404, 200])
  assert.equal((await fetch(`${origin}/prefix/simple/other/`)).status, 200)
})

test('a forwarded path stands in front of it', async (t) => {
  const origin = await start(t, '/prefix/')
  const headers = { 'x-forwarded-host': 'index.test/out', 'x-forwarded-proto': 'https' }
  const page = await (await fetch(`${origin}/prefix/`, { headers })).text()
  assert.ok(page.includes('--index-url https://index.test/out/prefix/simple/ PACKAGE'), page)
})
