import assert from 'node:assert/strict'
import { closeSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { fileSource, memorySource, readExactly } from '#src/archive/byte-source.js'

const fixture = fileURLToPath(new URL('../../../../test/fixtures/archive/demo-pax.tar.gz', import.meta.url))

function withFile(size: number, run: (source: ReturnType<typeof fileSource>) => void): void {
  const fd = openSync(fixture, 'r')
  try {
    run(fileSource(fd, size))
  } finally {
    closeSync(fd)
  }
}

test('a file source returns the bytes at a position', () => {
  withFile(100, (source) => assert.deepEqual([...source.read(0, 2)], [0x1f, 0x8b]))
})

test('a file source returns fewer bytes at the end of the size it was given', () => {
  withFile(10, (source) => {
    assert.equal(source.read(8, 100).length, 2)
    assert.equal(source.read(11, 1).length, 0)
  })
})

test('a file source of a file that has shrunk returns the bytes that are left', () => {
  withFile(2 ** 30, (source) => assert.ok(source.read(0, 2 ** 16).length < 2 ** 16))
})

test('a file source passes errors of the file system through', () => {
  assert.throws(() => fileSource(987_654, 10).read(0, 1), { code: 'EBADF' })
})

test('an exact read past the end is refused', () => {
  assert.throws(() => readExactly(memorySource(Buffer.from('abc')), 1, 3), { code: 'ERR_PYPI_BAD_ARCHIVE' })
})
