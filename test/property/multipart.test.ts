import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { PypiServerError } from '#src/errors.js'
import { readForm } from '#src/http/multipart.js'
import { holds } from '../helpers/property.js'

interface Part {
  readonly name: string
  readonly filename: string | undefined
  readonly content: Buffer
}

const boundary = 'x-b'
const near = fc.constantFrom('\r\n--x-b', '\r\n--x-', '--x-b--', '\r', '\n', '\r\n', '-', '\0', 'text', '\u00e4')
const content = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc.array(near, { maxLength: 6 }).map((pieces) => Buffer.from(pieces.join(''))),
)
const holdsNoDelimiter = (bytes: Buffer): boolean => !`\r\n${bytes.toString('latin1')}`.includes(`\r\n--${boundary}`)
const part: fc.Arbitrary<Part> = fc.record({
  name: fc.constantFrom('content', ':action', 'name', '__proto__', 'gpg_signature'),
  filename: fc.constantFrom(undefined, 'demo-1.0.zip', '../x', 'a b.zip'),
  content: content.filter(holdsNoDelimiter),
})
/** Lengths of the chunks in which a body arrives, used again and again. */
const chunkSizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 })

holds(
  'a well-formed form is read as it was written, however its bytes are cut into chunks',
  fc.asyncProperty(fc.array(part, { maxLength: 6 }), chunkSizes, async (parts, sizes) => {
    const files = parts.filter(({ filename }) => filename !== undefined)
    fc.pre(files.length <= 3)
    const received = await receive(body(parts), sizes)
    assert.deepEqual(
      received.files,
      files.map(({ name, filename, content }) => [name, filename, content.toString('hex')]),
    )
    const fields = new Map<string, string[]>()
    for (const { name, filename, content } of parts) {
      if (filename === undefined) fields.set(name, [...(fields.get(name) ?? []), content.toString()])
    }
    assert.deepEqual(received.fields, fields)
  }),
)

const accident = fc.record({
  at: fc.nat({ max: 400 }),
  length: fc.nat({ max: 60 }),
  inserted: fc.oneof(
    near,
    fc.constantFrom('', '--x-b\r\n', 'Content-Disposition: form-data; name="z"\r\n\r\n', '"', ';', '*'),
  ),
})

holds(
  'a damaged form is read or refused, the same way however it is cut, and never left hanging',
  fc.asyncProperty(
    fc.array(part, { maxLength: 4 }),
    fc.array(accident, { minLength: 1, maxLength: 3 }),
    chunkSizes,
    async (parts, accidents, sizes) => {
      let bytes = body(parts)
      for (const { at, length, inserted } of accidents) {
        const start = at % (bytes.length + 1)
        bytes = Buffer.concat([bytes.subarray(0, start), Buffer.from(inserted), bytes.subarray(start + length)])
      }
      const whole = await outcome(bytes, [bytes.length + 1])
      const cut = await outcome(bytes, sizes)
      assert.deepEqual(cut, whole)
    },
  ),
)

function body(parts: readonly Part[]): Buffer {
  const pieces = parts.flatMap(({ name, filename, content }) => {
    const disposition = `Content-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}`
    return [Buffer.from(`--${boundary}\r\n${disposition}\r\n\r\n`), content, Buffer.from('\r\n')]
  })
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)])
}

async function receive(bytes: Buffer, sizes: readonly number[]) {
  const files: (readonly [string, string, string])[] = []
  const { fields } = await readForm(Readable.from(chunks(bytes, sizes)), `multipart/form-data; boundary=${boundary}`, {
    onFile: async ({ field, filename, stream }) => {
      const index = files.push([field, filename, '']) - 1
      const parts: Buffer[] = []
      for await (const chunk of stream) parts.push(chunk)
      files[index] = [field, filename, Buffer.concat(parts).toString('hex')]
    },
  })
  return { fields, files }
}

/** What came of a form: its contents, or `refused`. */
async function outcome(bytes: Buffer, sizes: readonly number[]): Promise<unknown> {
  try {
    return await receive(bytes, sizes)
  } catch (error) {
    if (!(error instanceof PypiServerError)) throw error
    assert.ok(['ERR_PYPI_BAD_REQUEST', 'ERR_PYPI_TOO_LARGE'].includes(error.code), error.message)
    return 'refused'
  }
}

function* chunks(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}
