import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { type Backend, type Config, createApp, normalizeName, PypiServerError } from 'pypi-server'

const json = 'application/vnd.pypi.simple.v1+json'

interface ListedBackend {
  readonly backend: Backend
  /** What is listed; another revision is told with each set of names. */
  readonly show: (...names: readonly string[]) => void
  /** Listings that were begun. */
  readonly listings: () => number
  /** Most listings that went on at one time. */
  readonly mostAtOnce: () => number
}

/** A backend that lists names, each listing once `gate` lets it. */
function listed(gate: () => Promise<unknown> = async () => {}): ListedBackend {
  const counts = { revision: 0, listings: 0, running: 0, most: 0 }
  let shown: readonly string[] = ['demo']
  const backend: Backend = {
    name: 'listed',
    listRevision: async () => String(counts.revision),
    listProjects: async function* () {
      counts.listings += 1
      counts.running += 1
      counts.most = Math.max(counts.most, counts.running)
      const names = shown
      try {
        await gate()
      } finally {
        counts.running -= 1
      }
      yield names.map((name) => ({ name: normalizeName(name) }))
    },
    getProject: async () => undefined,
    openFile: async () => undefined,
  }
  const show = (...names: readonly string[]): void => {
    shown = names
    counts.revision += 1
  }
  return { backend, show, listings: () => counts.listings, mostAtOnce: () => counts.most }
}

type Get = (headers?: Readonly<Record<string, string>>) => Promise<Response>

function listOf(backend: Backend, config: Partial<Config> = {}): Get {
  const app = createApp({ backend, authenticate: [], ...config })
  return (headers = {}) => app.fetch(new Request('http://localhost/simple/', { headers: { accept: json, ...headers } }))
}

async function namesIn(answer: Promise<Response>): Promise<readonly string[]> {
  const response = await answer
  assert.equal(response.status, 200)
  const { projects } = (await response.json()) as { readonly projects: readonly { readonly name: string }[] }
  return projects.map(({ name }) => name)
}

function createGate(): { readonly passed: () => Promise<unknown>; readonly open: () => void } {
  let open = (): void => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { passed: () => opened, open: () => open() }
}

/** Waits until the work that was begun has nothing left to do but wait for others. */
async function untilQuiet(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await setImmediate()
}

test('the project list is put together once for all who ask for it while nothing changes', async () => {
  const { backend, show, listings } = listed()
  const get = listOf(backend)
  for (let count = 0; count < 3; count += 1) assert.deepEqual(await namesIn(get()), ['demo'])
  assert.equal(listings(), 1)
  show('demo', 'other')
  for (let count = 0; count < 3; count += 1) assert.deepEqual(await namesIn(get()), ['demo', 'other'])
  assert.equal(listings(), 2)
})

test('who asks for the list that is being put together waits for the same one', async () => {
  const gate = createGate()
  const { backend, listings } = listed(gate.passed)
  const get = listOf(backend)
  const asked = [get(), get(), get()]
  await untilQuiet()
  asked.push(get())
  await untilQuiet()
  gate.open()
  for (const answer of asked) assert.deepEqual(await namesIn(answer), ['demo'])
  assert.equal(listings(), 1)
})

test('of changes that come while a list is put together, only the newest is put together after it', async () => {
  const gate = createGate()
  const { backend, show, listings } = listed(gate.passed)
  const get = listOf(backend)
  const first = get()
  const later: Promise<Response>[] = []
  for (const name of ['second', 'third', 'fourth']) {
    await untilQuiet()
    show('demo', name)
    later.push(get())
  }
  await untilQuiet()
  gate.open()
  assert.deepEqual(await namesIn(first), ['demo'])
  for (const answer of later) assert.deepEqual(await namesIn(answer), ['demo', 'fourth'])
  assert.equal(listings(), 2)
})

test('forms and codings of the list are put together one after the other, each once', async () => {
  const { backend, listings, mostAtOnce } = listed(untilQuiet)
  const get = listOf(backend)
  const kinds = [json, 'text/html'].flatMap((accept) => ['gzip', 'identity'].map((coding) => [accept, coding] as const))
  const ask = ([accept, coding]: readonly [string, string]): Promise<Response> =>
    get({ accept, 'accept-encoding': coding })
  const answers = await Promise.all([...kinds, ...kinds].map(ask))
  const bodies = await Promise.all(answers.map(async (answer) => Buffer.from(await answer.arrayBuffer())))
  for (const [index, [accept, coding]] of kinds.entries()) {
    const body = bodies[index] as Buffer
    assert.deepEqual(bodies[index + kinds.length], body)
    assert.match((coding === 'gzip' ? gunzipSync(body) : body).toString(), accept === json ? /^\{.*demo/ : /<a.*demo/)
  }
  assert.deepEqual([listings(), mostAtOnce()], [4, 1])
})

test('a list that cannot be put together is an error for who waits, and tried again for who comes next', async () => {
  let isAway = true
  const { backend } = listed(async () => {
    if (isAway) throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', 'the disk is away')
  })
  const get = listOf(backend)
  const answers = await Promise.all([get(), get()])
  assert.deepEqual(
    answers.map(({ status }) => status),
    [503, 503],
  )
  isAway = false
  assert.deepEqual(await namesIn(get()), ['demo'])
})

test('a list is an error while its revision cannot be told, even where one is kept', async () => {
  const { backend } = listed()
  let isAway = false
  const listRevision = async (): Promise<string> => {
    if (isAway) throw new PypiServerError('ERR_PYPI_STORE_UNAVAILABLE', 'the disk is away')
    return 'same'
  }
  const get = listOf({ ...backend, listRevision })
  assert.deepEqual(await namesIn(get()), ['demo'])
  isAway = true
  assert.equal((await get()).status, 503)
})

test('without a revision the list is put together for every request', async () => {
  const { backend, listings } = listed()
  const { listRevision, ...others } = backend
  const get = listOf(others)
  for (let count = 0; count < 3; count += 1) assert.deepEqual(await namesIn(get()), ['demo'])
  assert.equal(listings(), 3)
})

test('a list that changed and changed back is 304 for who has it', async () => {
  const { backend, show } = listed()
  const get = listOf(backend)
  const etag = (await get()).headers.get('etag') ?? ''
  show('other')
  assert.equal((await get({ 'if-none-match': etag })).status, 200)
  show('demo')
  assert.equal((await get({ 'if-none-match': etag })).status, 304)
})

for (const maxPageCacheBytes of [0, 1, Number.POSITIVE_INFINITY]) {
  test(`a list of many projects is whole and in order with ${maxPageCacheBytes} bytes of pages kept`, async () => {
    const { backend, show } = listed()
    const names = Array.from({ length: 20_000 }, (_, index) => `p${String(index).padStart(5, '0')}`)
    show(...names.toReversed())
    const get = listOf(backend, { limits: { maxPageCacheBytes } })
    for (const ask of [get(), get(), get({ 'accept-encoding': 'gzip' })]) {
      const answer = await ask
      const bytes = Buffer.from(await answer.arrayBuffer())
      const isPacked = answer.headers.get('content-encoding') === 'gzip'
      const { projects } = JSON.parse((isPacked ? gunzipSync(bytes) : bytes).toString())
      assert.deepEqual(
        projects,
        names.map((name) => ({ name })),
      )
    }
  })
}
