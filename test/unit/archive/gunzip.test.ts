import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { TruncatedArchiveError } from '#src/archive/archive-error.js'
import { type ByteSource, memorySource } from '#src/archive/byte-source.js'
import { gunzip } from '#src/archive/gunzip.js'
import { gzip } from '../../helpers/archives.js'

const bad = { code: 'ERR_PYPI_BAD_ARCHIVE' }

async function inflate(source: ByteSource, options = {}): Promise<number> {
  let length = 0
  for await (const chunk of gunzip(source, options)) length += chunk.length
  return length
}

function inflateBytes(...parts: readonly Uint8Array[]): Promise<number> {
  return inflate(memorySource(Buffer.concat(parts)))
}

test('concatenated gzip members are one stream', async () => {
  assert.equal(await inflateBytes(gzip(Buffer.from('one')), gzip(Buffer.from('two'))), 6)
})

test('zeros after the last member are padding', async () => {
  assert.equal(await inflateBytes(gzip(Buffer.from('one')), Buffer.alloc(1000)), 3)
})

test('other bytes after the last member are refused', async () => {
  await assert.rejects(inflateBytes(gzip(Buffer.from('one')), Buffer.from('junk')), bad)
  await assert.rejects(inflateBytes(gzip(Buffer.from('one')), Buffer.from('\0\0junk')), bad)
})

test('bytes that are no gzip are refused and are no truncation', async () => {
  await assert.rejects(inflateBytes(Buffer.from('hello')), (error) => !(error instanceof TruncatedArchiveError))
})

test('a gzip cut at any byte is truncated', async () => {
  const bytes = gzip(Buffer.from('some text to pack'))
  for (let length = 0; length < bytes.length; length += 1)
    await assert.rejects(inflateBytes(bytes.subarray(0, length)), TruncatedArchiveError, `cut at ${length}`)
})

test('a gzip whose check value is wrong is refused', async () => {
  const bytes = gzip(Buffer.from('some text to pack'))
  bytes.writeUInt32LE(1, bytes.length - 8)
  await assert.rejects(inflateBytes(bytes), bad)
})

test('inflating stops at the limit', async () => {
  const source = memorySource(gzip(Buffer.alloc(2 ** 20)))
  await assert.rejects(inflate(source, { maxBytes: 2 ** 20 - 1 }), bad)
  assert.equal(await inflate(source, { maxBytes: 2 ** 20 }), 2 ** 20)
})

test('more than 64 MiB out of a thousandth of that is refused', async () => {
  await assert.rejects(inflateBytes(gzip(Buffer.alloc(128 * 2 ** 20))), bad)
})

test('an error of the source passes through', async () => {
  const broken = Object.assign(new Error('input/output error'), { code: 'EIO' })
  const memory = memorySource(gzip(Buffer.from('text')))
  const source: ByteSource = {
    size: memory.size,
    read: (position, length) => {
      if (length > 2) throw broken
      return memory.read(position, length)
    },
  }
  await assert.rejects(inflate(source), broken)
})

test('nothing is read from the source once the iteration was ended', async () => {
  const hashes = Array.from({ length: 2 ** 16 }, (_, at) => createHash('sha256').update(String(at)).digest())
  const memory = memorySource(gzip(Buffer.concat(hashes)))
  let isOpen = true
  let readUpTo = 0
  const read = (position: number, length: number) => {
    assert.ok(isOpen)
    readUpTo = position + length
    return memory.read(position, length)
  }
  for await (const chunk of gunzip({ size: memory.size, read })) {
    assert.ok(chunk.length > 0)
    break
  }
  isOpen = false
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  assert.ok(readUpTo < memory.size)
})
