import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { type ByteSource, memorySource } from '#src/archive/byte-source.js'
import { readDistributionMetadata, verifyEnd } from '#src/archive/distribution-metadata.js'
import { gunzip } from '#src/archive/gunzip.js'
import { findTarMember } from '#src/archive/tar.js'
import { readZipDirectory, readZipMember } from '#src/archive/zip.js'
import { PypiServerError } from '#src/errors.js'
import { parseFilename } from '#src/packaging/filename.js'
import { sdist, tar, wheel, zip } from '../helpers/archives.js'
import { damaged, holds } from '../helpers/property.js'

const path = fc.stringMatching(/^[a-z\u00e4]{1,8}(?:\/[a-z.]{1,8}){0,3}$/)
const data = fc.oneof(fc.string({ maxLength: 300 }), fc.constant('a'.repeat(5000)))
const member = fc.record({ name: path, data, method: fc.constantFrom('stored' as const, 'deflate' as const) })
const entries = fc.uniqueArray(member, { selector: ({ name }) => name, maxLength: 8 })

holds(
  'the members of a zip are listed and unpacked as they were packed',
  fc.property(entries, fc.boolean(), (members, zip64) => {
    const source = memorySource(zip(members, { zip64 }))
    const read = readZipDirectory(source).members.map((one) => [
      one.name,
      Buffer.from(readZipMember(source, one)).toString(),
    ])
    assert.deepEqual(
      read,
      members.map(({ name, data }) => [name, data]),
    )
  }),
)

holds(
  'any member of a tar is found with the data that it was packed with, however the tar is cut into chunks',
  fc.asyncProperty(entries, fc.nat(), fc.integer({ min: 1, max: 2000 }), async (members, index, size) => {
    const [wanted] = members.slice(index % (members.length + 1))
    const bytes = tar(members)
    const found = await findTarMember(chunks(bytes, size), (path) => path === wanted?.name, { readTo: 'end' })
    assert.equal(found && Buffer.from(found).toString(), wanted?.data)
  }),
)

holds(
  'what was gzipped, in one member or several, is inflated again',
  fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 500 }), { minLength: 1, maxLength: 4 }), async (parts) => {
    const packed = Buffer.concat(parts.map((part) => gzipSync(part)))
    const inflated: Buffer[] = []
    for await (const chunk of gunzip(memorySource(packed))) inflated.push(chunk)
    assert.deepEqual(Buffer.concat(inflated), Buffer.concat(parts))
  }),
)

const kinds = {
  wheel: wheel({ name: 'demo', version: '1.0', files: { 'demo/a.py': 'a = 1\n'.repeat(50) } }),
  zip64: {
    filename: 'demo-1.0.zip',
    bytes: zip([{ name: 'demo-1.0/PKG-INFO', data: 'Name: demo\nVersion: 1.0\n' }], { zip64: true }),
  },
  sdist: sdist({ name: 'demo', version: '1.0' }),
}
for (const kind of ['wheel', 'zip64', 'sdist'] as const) {
  const { filename, bytes } = kinds[kind]
  const parsed = parseFilename(filename)
  assert.ok(parsed)
  holds(
    `a damaged ${kind} is read within its bytes or called unreadable, and never ends the reading otherwise`,
    fc.asyncProperty(damaged(bytes), async (broken) => {
      const source = guarded(broken)
      const { state, metadata } = await readDistributionMetadata(source, parsed)
      assert.ok(['complete', 'truncated', 'unreadable'].includes(state))
      if (metadata !== undefined) assert.equal(state, 'complete')
      assert.ok(['complete', 'truncated', 'unreadable'].includes(await verifyEnd(source, filename)))
    }),
  )

  holds(
    `a ${kind} of which any number of bytes at the end is missing is not complete`,
    fc.asyncProperty(fc.nat({ max: bytes.length - 1 }), async (length) => {
      assert.notEqual(await verifyEnd(memorySource(bytes.subarray(0, length)), filename), 'complete')
    }),
  )
}

holds(
  'members of a damaged zip have the size and checksum that are declared, or are refused',
  fc.property(damaged(kinds.wheel.bytes), (broken) => {
    const source = guarded(broken)
    try {
      for (const one of readZipDirectory(source).members.slice(0, 50)) {
        assert.equal(readZipMember(source, one, { maxBytes: 10_000 }).length, one.size)
      }
    } catch (error) {
      if (!(error instanceof PypiServerError)) throw error
      assert.equal(error.code, 'ERR_PYPI_BAD_ARCHIVE')
    }
  }),
)

/** A source that fails the test when it is asked for bytes that no file can have. */
function guarded(bytes: Uint8Array): ByteSource {
  const source = memorySource(bytes)
  return {
    size: source.size,
    read: (position, length) => {
      assert.ok(Number.isSafeInteger(position) && position >= 0, `read at ${position}`)
      assert.ok(Number.isSafeInteger(length) && length >= 0 && length < 2 ** 31, `read of ${length} bytes`)
      return source.read(position, length)
    },
  }
}

async function* chunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
