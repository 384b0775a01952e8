import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough, type Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type TestContext, test } from 'node:test'
import { PypiServerError } from '#src/errors.js'
import { readForm } from '#src/http/multipart.js'
import { boundary, contentType, field, file, form, inPieces, receive } from './forms.js'

// Nothing here may hang: the limit turns a hang into a failure.
const bounded = { timeout: 10_000 }
const start = `${field('a', 'b')}${file('content', 'a.whl', 'first bytes').trimEnd()}`

/** A body that stops in the middle of its file, after the file's first bytes have been seen. */
async function stalled(options: { readonly signal?: AbortSignal } = {}) {
  const body = new PassThrough()
  const outcome = { fileError: undefined as unknown }
  let began = (): void => {}
  const beginning = new Promise<void>((resolve) => {
    began = resolve
  })
  const sink = new Writable({
    write: (_chunk, _encoding, done) => {
      began()
      done()
    },
  })
  const onFile = async ({ stream }: { readonly stream: Readable }): Promise<void> => {
    await pipeline(stream, sink).catch((error) => {
      outcome.fileError = error
      throw error
    })
  }
  const reading = readForm(body, contentType, { onFile, ...options })
  reading.catch(() => {})
  body.write(start)
  await beginning
  return { body, reading, outcome, sink }
}

const lossCases: readonly (readonly [what: string, lose: (body: PassThrough) => void])[] = [
  ['closes early', (body) => void body.destroy()],
  ['breaks with an error', (body) => void body.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))],
  ['tells of an abort', (body) => void body.emit('aborted')],
]

for (const [what, lose] of lossCases)
  test(`a body that ${what} in the middle of a file aborts the form and the file`, bounded, async () => {
    const { body, reading, outcome } = await stalled()
    lose(body)
    await assert.rejects(reading, { code: 'ERR_PYPI_ABORTED' })
    assert.equal((outcome.fileError as PypiServerError).code, 'ERR_PYPI_ABORTED')
  })

test('a body destroyed for a reason of ours rejects with that reason', bounded, async () => {
  const { body, reading } = await stalled()
  body.destroy(new PypiServerError('ERR_PYPI_OVERLOADED', 'the upload is too slow'))
  await assert.rejects(reading, { code: 'ERR_PYPI_OVERLOADED' })
})

test('an abort signal ends the reading of a stalled body', bounded, async () => {
  const controller = new AbortController()
  const { reading, outcome } = await stalled({ signal: controller.signal })
  controller.abort()
  await assert.rejects(reading, { code: 'ERR_PYPI_ABORTED' })
  assert.equal((outcome.fileError as PypiServerError).code, 'ERR_PYPI_ABORTED')
})

test('a signal that was aborted before refuses the form', bounded, async () => {
  await assert.rejects(receive(form(field('a', 'b')), undefined, { signal: AbortSignal.abort() }), {
    code: 'ERR_PYPI_ABORTED',
  })
})

test('a body that was destroyed before is aborted, one that was read before is incomplete', bounded, async () => {
  const destroyed = new PassThrough().destroy()
  await assert.rejects(receive(destroyed), { code: 'ERR_PYPI_ABORTED' })
  const read = new PassThrough({ autoDestroy: false })
  read.resume().end()
  await once(read, 'end')
  await assert.rejects(receive(read), { code: 'ERR_PYPI_BAD_REQUEST' })
})

test('an urlencoded body that closes early is aborted', bounded, async () => {
  const body = new PassThrough()
  const reading = receive(body, 'application/x-www-form-urlencoded')
  body.write('a=')
  setImmediate(() => body.destroy())
  await assert.rejects(reading, { code: 'ERR_PYPI_ABORTED' })
})

test('a writer that fails refuses the form with its own error', bounded, async () => {
  const { reading, sink } = await stalled()
  sink.destroy(Object.assign(new Error('disk full'), { code: 'ENOSPC' }))
  await assert.rejects(reading, { code: 'ENOSPC' })
})

test('a file handler that rejects before it reads refuses the form with its error', bounded, async () => {
  const body = form(file('content', 'a.whl', 'x'.repeat(1_000_000)), field('a', 'b'))
  const onFile = async (): Promise<void> => {
    throw new PypiServerError('ERR_PYPI_UPLOAD_REFUSED', 'bad filename')
  }
  await assert.rejects(receive(inPieces(body, 65_536), undefined, { onFile }), { code: 'ERR_PYPI_UPLOAD_REFUSED' })
})

test('a file that its handler leaves unread is discarded and the form read on', bounded, async () => {
  const body = form(file('content', 'a.whl', 'x'.repeat(1_000_000)), field('a', 'b'))
  const { form: read } = await receive(inPieces(body, 65_536), undefined, { onFile: async () => {} })
  assert.deepEqual(read.fields.get('a'), ['b'])
})

test('a file that its handler destroys refuses the form', bounded, async () => {
  const body = form(file('content', 'a.whl', 'x'.repeat(1_000_000)), field('a', 'b'))
  const onFile = async ({ stream }: { readonly stream: Readable }): Promise<void> => void stream.destroy()
  await assert.rejects(receive(inPieces(body, 65_536), undefined, { onFile }), { code: 'ERR_PYPI_ABORTED' })
})

/** Reads the file, then lingers for some turns of the event loop. */
function lingering(events: string[]) {
  return async ({ filename, stream }: { readonly filename: string; readonly stream: Readable }): Promise<void> => {
    events.push(`open ${filename}`)
    try {
      for await (const _ of stream);
    } finally {
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
      events.push(`close ${filename}`)
    }
  }
}

test('a form fulfils only after its file handlers have', bounded, async () => {
  const events: string[] = []
  await receive(form(file('content', 'a.whl', 'x')), undefined, { onFile: lingering(events) })
  assert.deepEqual(events, ['open a.whl', 'close a.whl'])
})

test('a refusal waits for running file handlers and starts no later one', bounded, async () => {
  const events: string[] = []
  const body = form(
    file('content', 'a.whl', 'x'),
    field('too-long', 'x'.repeat(20)),
    file('content', 'b.whl', 'x'),
    field('z', 'y'),
  )
  const options = { onFile: lingering(events), limits: { fieldSize: 10 } }
  await assert.rejects(receive(body, undefined, options), { code: 'ERR_PYPI_BAD_REQUEST' })
  assert.deepEqual(events, ['open a.whl', 'close a.whl'])
})

test('a file over its limit ends with an error or short, never with more bytes', bounded, async () => {
  let size = 0
  const onFile = async ({ stream }: { readonly stream: Readable }): Promise<void> => {
    for await (const chunk of stream) size += chunk.length
  }
  const body = inPieces(form(file('content', 'a.whl', 'x'.repeat(1_000_000))), 65_536)
  await assert.rejects(receive(body, undefined, { onFile, limits: { fileSize: 100 } }), { code: 'ERR_PYPI_TOO_LARGE' })
  assert.ok(size <= 101)
})

test(
  'a refusal leaves the body paused and undestroyed, so that it can be answered',
  bounded,
  async (t: TestContext) => {
    const body = new PassThrough()
    t.after(() => body.destroy())
    const reading = receive(body)
    body.write(file('content', 'a.whl', 'x').replace('filename=', 'filename*='))
    await assert.rejects(reading, { code: 'ERR_PYPI_BAD_REQUEST' })
    assert.equal(body.destroyed, false)
    assert.equal(body.isPaused(), true)
    assert.equal(body.listenerCount('data'), 0)
  },
)

test('an error of the body after the outcome is known ends nothing', bounded, async () => {
  const body = new PassThrough()
  const reading = receive(body)
  body.write('--x-boundary\r\n: no name\r\n\r\n')
  await assert.rejects(reading, { code: 'ERR_PYPI_BAD_REQUEST' })
  body.destroy(new Error('late'))
  await new Promise((resolve) => body.once('close', resolve))
  assert.equal(body.errored?.message, 'late')
})

for (const size of [1, 7, 10_000])
  test(`what stands behind the final boundary belongs to no form, in pieces of ${size} bytes`, bounded, async () => {
    const body = `${form(field('a', 'b'))}${file('content', 'a.whl', 'never ends')}`
    const { form: received, files } = await receive(inPieces(body, size))
    assert.deepEqual([[...received.fields], files], [[['a', ['b']]], []])
  })

test('a form that ends before its first part is empty, whatever follows', bounded, async () => {
  const body = `--${boundary}text\r\n\r\n${form()}${field('a', 'b')}${file('content', 'a.whl', 'never ends')}`
  const { form: received, files } = await receive(body)
  assert.deepEqual([received.fields.size, files], [0, []])
})
