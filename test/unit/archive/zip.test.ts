import assert from 'node:assert/strict'
import { test } from 'node:test'
import { promisify } from 'node:util'
import yauzl from 'yauzl'
import { TruncatedArchiveError } from '#src/archive/archive-error.js'
import { type ByteSource, memorySource } from '#src/archive/byte-source.js'
import { readZipDirectory, readZipMember } from '#src/archive/zip.js'
import { type ZipEntry, type ZipOptions, zip } from '../../helpers/archives.js'

const bad = { code: 'ERR_PYPI_BAD_ARCHIVE' }

function members(bytes: Uint8Array) {
  return readZipDirectory(memorySource(bytes)).members
}

function readFirst(bytes: Uint8Array, limits = {}): string {
  const [member] = members(bytes)
  assert.ok(member)
  return Buffer.from(readZipMember(memorySource(bytes), member, limits)).toString()
}

function one(entry: Partial<ZipEntry>, options?: ZipOptions): Buffer {
  return zip([{ name: 'a', data: 'hello hello hello', ...entry }], options)
}

function recording(bytes: Uint8Array): ByteSource & { readonly lengths: readonly number[] } {
  const memory = memorySource(bytes)
  const lengths: number[] = []
  const read = (position: number, length: number) => {
    lengths.push(length)
    return memory.read(position, length)
  }
  return { size: memory.size, read, lengths }
}

async function readWithYauzl(bytes: Buffer): Promise<Array<[string, string]>> {
  const archive = await promisify<Buffer, yauzl.Options, yauzl.ZipFile>(yauzl.fromBuffer)(bytes, { lazyEntries: false })
  const entries: yauzl.Entry[] = []
  archive.on('entry', (entry: yauzl.Entry) => entries.push(entry))
  await new Promise((resolve) => archive.on('end', resolve))
  return Promise.all(entries.map(async (entry) => [entry.fileName, await textWithYauzl(archive, entry)]))
}

async function textWithYauzl(archive: yauzl.ZipFile, entry: yauzl.Entry): Promise<string> {
  const open = promisify<yauzl.Entry, NodeJS.ReadableStream>(archive.openReadStream.bind(archive))
  const chunks: Buffer[] = []
  for await (const chunk of await open(entry)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString()
}

test('a well-formed zip has the members and data that yauzl finds in it', async () => {
  const bytes = zip(
    [
      { name: 'demo/', data: '', method: 'stored' },
      { name: 'demo/ünï.py', data: 'x = 1\n'.repeat(1000) },
      { name: 'demo/stored', data: 'as it is', method: 'stored' },
    ],
    { comment: 'a comment' },
  )
  const source = memorySource(bytes)
  const ours = members(bytes).map((member) => [member.name, Buffer.from(readZipMember(source, member)).toString()])
  assert.deepEqual(ours, await readWithYauzl(bytes))
})

test('a zip64 archive is read', () => {
  assert.equal(readFirst(one({}, { zip64: true })), 'hello hello hello')
})

test('an empty zip has no members', () => {
  assert.deepEqual(members(zip([])), [])
})

test('70,000 members are listed', () => {
  const entries = Array.from({ length: 70_000 }, (_, index) => ({
    name: `f${index}`,
    data: '',
    method: 'stored' as const,
  }))
  assert.equal(members(zip(entries, { zip64: true })).length, 70_000)
})

test('more than 200,000 members are refused', () => {
  const inner = one({})
  const directoryOffset = inner.indexOf('PK\x01\x02')
  const header = inner.subarray(directoryOffset, inner.indexOf('PK\x05\x06'))
  const ofCount = (count: number) => {
    const directorySize = header.length * count
    const end = zip([], { zip64: true, count, directoryOffset, directorySize })
    return Buffer.concat([inner.subarray(0, directoryOffset), Buffer.alloc(directorySize, header), end])
  }
  assert.equal(members(ofCount(200_000)).length, 200_000)
  assert.throws(() => members(ofCount(200_001)), bad)
})

test('a count of members that is wrong is refused', () => {
  assert.throws(() => members(one({}, { count: 0 })), bad)
  assert.throws(() => members(one({}, { count: 2 })), bad)
})

test('a directory that claims 4 GB is refused before it is read', () => {
  const source = recording(one({}, { directorySize: 0xfffffff0 }))
  assert.throws(() => readZipDirectory(source), bad)
  assert.ok(Math.max(...source.lengths) <= 2 ** 16 + 22)
})

test('a directory of more than 64 MiB is refused before it is read', () => {
  const directorySize = 64 * 2 ** 20 + 1
  const end = zip([], { directoryOffset: 4, directorySize })
  const source = recording(Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(directorySize), end]))
  assert.throws(() => readZipDirectory(source), bad)
  assert.ok(Math.max(...source.lengths) <= 2 ** 16 + 22)
})

test('bytes after the end of a zip are refused and are no truncation', () => {
  const bytes = Buffer.concat([one({}), Buffer.from('more')])
  assert.throws(
    () => members(bytes),
    (error) => {
      assert.ok(!(error instanceof TruncatedArchiveError))
      return true
    },
  )
})

test('a second end record in the comment that fits as well is refused', () => {
  const inner = one({})
  const directory = inner.subarray(inner.indexOf('PK\x01\x02'), inner.indexOf('PK\x05\x06'))
  const outer = zip([], { count: 1, directoryOffset: inner.length, directorySize: directory.length })
  const bytes = Buffer.concat([inner, directory, outer])
  bytes.writeUInt16LE(bytes.length - inner.length, inner.length - 2)
  assert.throws(() => members(bytes), bad)
})

test('a zip stored in the end of a cut zip is not taken for the whole', () => {
  const outer = zip([
    { name: 'first', data: 'first' },
    { name: 'inner.zip', data: one({}), method: 'stored' },
  ])
  const cut = outer.subarray(0, outer.indexOf('PK\x05\x06') + 22)
  assert.throws(() => members(cut), TruncatedArchiveError)
})

test('a member whose data is not what its CRC-32 says is refused', () => {
  assert.throws(() => readFirst(one({ crc32: 1 })), bad)
})

for (const method of ['stored', 'deflate'] as const) {
  test(`a ${method} member that declares another size is refused`, () => {
    assert.throws(() => readFirst(one({ method, size: 5 })), bad)
    assert.throws(() => readFirst(one({ method, size: 5000 })), bad)
  })
}

test('a member with another size in its local header is refused', () => {
  assert.throws(() => readFirst(one({ localSize: 5 })), bad)
})

test('a member with another name in its local header is refused', () => {
  assert.throws(() => readFirst(one({ localName: 'b' })), bad)
})

test('a member without a local header is refused', () => {
  assert.throws(() => readFirst(one({ headerOffset: 3 })), bad)
})

test('a member that reaches beyond the directory is refused', () => {
  assert.throws(() => members(one({ compressedSize: 4000 })), bad)
  assert.throws(() => members(one({ headerOffset: 0xfffffff0 })), bad)
})

test('an encrypted member is refused', () => {
  assert.throws(() => readFirst(one({ flags: 1 })), bad)
})

test('a compression method other than stored and deflate is refused', () => {
  assert.throws(() => readFirst(one({ methodNumber: 12 })), bad)
})

test('a member name that is not UTF-8 is listed and not read', () => {
  const bytes = one({ name: Uint8Array.of(0x61, 0xff) })
  assert.equal(members(bytes).length, 1)
  assert.throws(() => readFirst(bytes), bad)
})

test('a member larger than the limit is refused', () => {
  assert.throws(() => readFirst(one({}), { maxBytes: 16 }), bad)
  assert.equal(readFirst(one({}), { maxBytes: 17 }).length, 17)
})

test('a bomb that declares few bytes stops inflating at that size', () => {
  assert.throws(() => readFirst(one({ data: Buffer.alloc(50 * 2 ** 20), size: 100 })), bad)
})

test('a member of 9 MiB exceeds the default limit', () => {
  assert.throws(() => readFirst(one({ data: Buffer.alloc(9 * 2 ** 20) })), bad)
})

test('a zip cut at any byte is truncated', () => {
  const bytes = one({}, { zip64: true, comment: 'end' })
  for (let length = 0; length < bytes.length; length += 1)
    assert.throws(() => members(bytes.subarray(0, length)), TruncatedArchiveError, `cut at ${length}`)
})

test('a zip with any one byte changed is read as before or refused, and never fails otherwise', () => {
  const bytes = one({}, { zip64: true })
  for (let at = 0; at < bytes.length; at += 1) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] ?? 0) ^ flip
      try {
        assert.equal(readFirst(changed), 'hello hello hello')
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'ERR_PYPI_BAD_ARCHIVE', `byte ${at}: ${error}`)
      }
    }
  }
})
