import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApp, type Identify } from 'pypi-server'
import { basic, listen, serveIndex } from '../helpers/index-server.js'
import { memoryBackend } from '../helpers/memory-backend.js'

/** As a host's middleware would: somebody is known by a cookie. */
const identify: Identify = ({ request }) => (request as { readonly user?: { readonly name: string } }).user
const guarded = {
  authenticate: ['list', 'download', 'update'] as const,
  auther: (_: string, password: string) => password === 'right',
}

test('whom the host knows needs no credentials, and others need them', async (t) => {
  const seen: unknown[] = []
  const app = createApp({
    backend: memoryBackend(),
    ...guarded,
    identify,
    authorizer: (who) => Boolean(seen.push(who?.name ?? null)),
  })
  const url = await listen(t, (req, res) => {
    if (req.headers.cookie === 'session=1') Object.assign(req, { user: { name: 'ann@example' } })
    void app(req, res)
  })
  const status = async (headers: Record<string, string>) => (await fetch(`${url}/simple/`, { headers })).status
  assert.equal(await status({ cookie: 'session=1' }), 200)
  assert.equal(await status({ cookie: 'session=1', authorization: 'Bearer of-the-host' }), 200)
  assert.equal(await status(basic('bob', 'right')), 200)
  assert.equal(await status(basic('bob', 'wrong')), 401)
  assert.equal(await status({}), 401)
  assert.deepEqual(seen, ['ann@example', 'ann@example', 'bob', null])
})

test('app.fetch hands its own request to identify', async () => {
  const app = createApp({ backend: memoryBackend(), ...guarded, identify })
  const request = (): Request => new Request('http://localhost/simple/')
  const known = Object.assign(request(), { user: { name: 'ann' } })
  assert.deepEqual([(await app.fetch(known)).status, (await app.fetch(request())).status], [200, 401])
})

test('without an auther a session is the only login, and a request without one is told to log in', async (t) => {
  const { request } = await serveIndex(t, { identify, authenticate: ['list'] })
  assert.equal((await request('/simple/')).status, 401)
})

test('a host that cannot tell, or names nobody, is answered 503', async (t) => {
  const away: Identify = async () => {
    throw new Error('the session store is away')
  }
  for (const answer of [away, () => ({}) as never, () => ({ name: '' })]) {
    const { request } = await serveIndex(t, { identify: answer, authenticate: ['list'] })
    assert.equal((await request('/simple/', { headers: basic('ann', 'right') })).status, 503)
  }
})
