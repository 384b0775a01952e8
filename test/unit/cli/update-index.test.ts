import assert from 'node:assert/strict'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { type AskOptions, askIndex, parseIndexAddress } from '#src/cli/update-index.js'
import type { ProjectPage } from '#src/cli/update-releases.js'
import { normalizeName } from '#src/packaging/name.js'
import { listen } from '../../helpers/index-server.js'

const emptyPage = JSON.stringify({ meta: { 'api-version': '1.1' }, versions: [], files: [] })
const json = { 'content-type': 'application/vnd.pypi.simple.v1+json' }

async function ask(
  t: TestContext,
  handler: RequestListener,
  options: Partial<AskOptions> = {},
): Promise<ProjectPage | undefined> {
  const address = parseIndexAddress(`${await listen(t, handler)}/simple/`)
  return await askIndex(address, normalizeName('My.Demo'), { signal: undefined, timeoutMs: 15_000, ...options })
}

test('a project is asked for by its normalized name and in JSON', async (t) => {
  const seen: IncomingMessage[] = []
  const page = await ask(t, (request, response) => {
    seen.push(request)
    response.writeHead(200, json).end(emptyPage)
  })
  assert.deepEqual(page, { versions: [], files: [] })
  assert.deepEqual(
    seen.map(({ url, headers }) => [url, headers.accept, headers.authorization]),
    [['/simple/my-demo/', 'application/vnd.pypi.simple.v1+json', undefined]],
  )
})

test('404 means that the index does not know the project', async (t) => {
  assert.equal(await ask(t, (_request, response) => response.writeHead(404).end('no')), undefined)
})

const redirectTo = (location: string) => (_request: IncomingMessage, response: ServerResponse) =>
  response.writeHead(302, { location }).end()

for (const [title, handler] of [
  ['500', (_request, response) => response.writeHead(500, json).end(emptyPage)],
  ['204', (_request, response) => response.writeHead(204).end()],
  ['HTML', (_request, response) => response.setHeader('content-type', 'text/html; charset=utf-8').end('<html>')],
  ['broken JSON', (_request, response) => response.writeHead(200, json).end('{"files": [')],
  ['other JSON', (_request, response) => response.writeHead(200, json).end('{"message": "hello"}')],
  ['a cut body', (_request, response) => response.writeHead(200, json).write(emptyPage, () => response.destroy())],
  ['no answer', (_request, response) => response.destroy()],
  ['a redirect loop', redirectTo('/simple/my-demo/')],
  ['a redirect without a target', (_request, response) => response.writeHead(302).end()],
  ['a redirect to a file', redirectTo('file:///etc/passwd')],
] as const satisfies readonly (readonly [string, RequestListener])[]) {
  test(`${title} is a failure, not the absence of releases`, async (t) => {
    await assert.rejects(ask(t, handler), { code: 'ERR_PYPI_STORE_UNAVAILABLE' })
  })
}

test('three redirects are followed', async (t) => {
  const page = await ask(t, (request, response) => {
    const step = Number(/\d+$/.exec(request.url ?? '')?.[0] ?? 0)
    if (step === 3) response.writeHead(200, json).end(emptyPage)
    else response.writeHead(302, { location: `/step/${step + 1}` }).end()
  })
  assert.deepEqual(page?.files, [])
})

test('an answer above 32 MiB is given up', async (t) => {
  const blank = Buffer.alloc(1024 ** 2, ' ')
  let written = 0
  await assert.rejects(
    ask(t, (_request, response) => {
      response.writeHead(200, json)
      const more = (): void => {
        written += 1
        if (written > 64) response.end()
        else response.write(blank, more)
      }
      more()
    }),
    { code: 'ERR_PYPI_STORE_UNAVAILABLE' },
  )
  assert.ok(written < 64)
})

test('an answer that does not end in time is given up', async (t) => {
  const handler: RequestListener = (_request, response) => void response.writeHead(200, json).write('{')
  await assert.rejects(ask(t, handler, { timeoutMs: 50 }), { code: 'ERR_PYPI_ABORTED' })
})

test('the password of the index is sent to its own origin only', async (t) => {
  const seen: (readonly [string, string | undefined])[] = []
  const elsewhere = await listen(t, (request, response) => {
    seen.push(['elsewhere', request.headers.authorization])
    response.writeHead(200, json).end(emptyPage)
  })
  const origin = await listen(t, (request, response) => {
    seen.push(['index', request.headers.authorization])
    response.writeHead(302, { location: `${elsewhere.replace('//', '//ann:other@')}/x` }).end()
  })
  const address = parseIndexAddress(origin.replace('//', '//ann:s%40cret@'))
  await askIndex(address, normalizeName('demo'), { signal: undefined, timeoutMs: 15_000 })
  assert.deepEqual(seen, [
    ['index', `Basic ${Buffer.from('ann:s@cret').toString('base64')}`],
    ['elsewhere', undefined],
  ])
})
