import assert from 'node:assert/strict'
import { test } from 'node:test'
import { basic, serveIndex } from '../helpers/index-server.js'

const auther = (_: string, password: string): boolean => password === 'right'
const limits = { maxLoginFailuresPerMinute: 2 }

test('who guesses passwords is told 429, and right logins from elsewhere do not notice', async (t) => {
  const { request } = await serveIndex(t, { auther, limits, authenticate: ['list'] })
  const login = (password: string, address: string): Promise<Response> =>
    request('/simple/', { headers: { ...basic('ann', password), 'x-forwarded-for': address } })
  for (const guess of ['a', 'b']) assert.equal((await login(guess, '192.0.2.1')).status, 401)
  // Those that wait for their delay answer last.
  const flood = Array.from({ length: 12 }, (_, number) => login(`${number}`, '192.0.2.1'))
  for (const response of flood) response.catch(() => {})
  const first = await Promise.race(flood)
  assert.deepEqual([first.status, first.headers.get('retry-after')], [429, '60'])
  assert.equal((await login('right', '192.0.2.2')).status, 200)
  assert.equal((await request('/health')).status, 200)
})

test('a client that no proxy names is counted by its peer, whatever it says of itself', async (t) => {
  const { request } = await serveIndex(t, { auther, limits: { maxLoginFailuresPerMinute: 1 }, trustProxy: false })
  const login = (address: string): Promise<Response> =>
    request('/api/projects/demo', {
      method: 'DELETE',
      headers: { ...basic('ann', 'wrong'), 'x-forwarded-for': address },
    })
  assert.equal((await login('192.0.2.1')).status, 401)
  const flood = Array.from({ length: 12 }, (_, number) => login(`192.0.2.${number}`))
  for (const response of flood) response.catch(() => {})
  assert.equal((await Promise.race(flood)).status, 429)
})

test('a fetch host can say where its client is', async (t) => {
  const { app } = await serveIndex(t, { auther, limits: { maxLoginFailuresPerMinute: 1 }, authenticate: ['list'] })
  const login = (address?: string): Promise<Response> => {
    const request = new Request('http://localhost/simple/', { headers: basic('ann', 'wrong') })
    return app.fetch(request, address === undefined ? {} : { address })
  }
  for (let count = 0; count < 3; count += 1) assert.equal((await login()).status, 401)
  assert.equal((await login('192.0.2.1')).status, 401)
  const flood = Array.from({ length: 12 }, () => login('192.0.2.1'))
  assert.equal((await Promise.race(flood)).status, 429)
})
