import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { type ByteSource, memorySource } from '#src/archive/byte-source.js'
import { type DistributionKind, readDistributionMetadata, verifyEnd } from '#src/archive/distribution-metadata.js'
import { normalizeName } from '#src/packaging/name.js'
import { sdist, type TarEntry, tarGz, wheel, type ZipEntry, zip } from '../../helpers/archives.js'

const pythonsMetadata = 'Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n'
const info = 'demo-1.0.dist-info/METADATA'
const demo = { name: normalizeName('demo'), version: '1.0' }

function fixture(name: string): Promise<Buffer> {
  return readFile(new URL(`../../../../test/fixtures/archive/${name}`, import.meta.url))
}

async function read(bytes: Uint8Array, kind: DistributionKind['kind'], filename: string) {
  const { state, metadata } = await readDistributionMetadata(memorySource(bytes), { ...demo, kind, filename })
  return { state, text: metadata && Buffer.from(metadata).toString() }
}

function readWheel(...entries: readonly ZipEntry[]) {
  return read(zip(entries), 'wheel', 'demo-1.0-py3-none-any.whl')
}

function readSdist(...entries: readonly TarEntry[]) {
  return read(tarGz(entries), 'sdist', 'demo-1.0.tar.gz')
}

const nothing = { state: 'complete', text: undefined }
const unreadable = { state: 'unreadable', text: undefined }

test('a wheel gives its METADATA byte for byte', async () => {
  const { bytes, filename, metadata } = wheel({ name: 'My.Demo', version: '1.0', requiresPython: '>=3.9' })
  const parsed = { kind: 'wheel', filename, name: normalizeName('my-demo'), version: '1.0' } as const
  const answer = await readDistributionMetadata(memorySource(bytes), parsed)
  assert.deepEqual(answer, { state: 'complete', metadata: new Uint8Array(metadata) })
})

test('an sdist gives its PKG-INFO byte for byte', async () => {
  const { bytes, filename, metadata } = sdist({ name: 'My.Demo', version: '1.0', requiresDist: ['six'] })
  const parsed = { kind: 'sdist', filename, name: normalizeName('my-demo'), version: '1.0' } as const
  const answer = await readDistributionMetadata(memorySource(bytes), parsed)
  assert.deepEqual(answer, { state: 'complete', metadata: new Uint8Array(metadata) })
  assert.equal(await verifyEnd(memorySource(bytes), filename), 'complete')
})

for (const name of ['demo-pax.tar.gz', 'demo-gnu.tar.gz', 'demo-seekable.whl', 'demo-streamed.whl']) {
  test(`the metadata in Python's own ${name} is found, and its end as well`, async () => {
    const bytes = await fixture(name)
    const kind = name.endsWith('.whl') ? 'wheel' : 'sdist'
    assert.deepEqual(await read(bytes, kind, name), { state: 'complete', text: pythonsMetadata })
    assert.equal(await verifyEnd(memorySource(bytes), name), 'complete')
  })
}

test('a zipped sdist gives the PKG-INFO of its top directory', async () => {
  const bytes = zip([
    { name: 'demo-1.0/demo.egg-info/PKG-INFO', data: 'other' },
    { name: 'demo-1.0/PKG-INFO', data: pythonsMetadata },
  ])
  assert.deepEqual(await read(bytes, 'sdist', 'demo-1.0.zip'), { state: 'complete', text: pythonsMetadata })
})

test('an egg gives its EGG-INFO/PKG-INFO', async () => {
  const bytes = zip([{ name: 'EGG-INFO/PKG-INFO', data: pythonsMetadata }])
  assert.deepEqual(await read(bytes, 'egg', 'demo-1.0-py3.9.egg'), { state: 'complete', text: pythonsMetadata })
})

test('a PKG-INFO behind ./ counts as one directory deep, and one in ../ does not', async () => {
  const above = { name: '../PKG-INFO', data: 'other' }
  const wanted = { name: './demo-1.0/PKG-INFO', data: pythonsMetadata }
  assert.deepEqual(await readSdist(above, wanted), { state: 'complete', text: pythonsMetadata })
})

test('an archive without core metadata is complete and gives none', async () => {
  assert.deepEqual(await readWheel({ name: 'demo/demo-1.0.dist-info/METADATA', data: '' }), nothing)
  assert.deepEqual(await readSdist({ name: 'PKG-INFO' }, { name: 'a/b/PKG-INFO' }), nothing)
})

test('members with hostile names do no harm to the others', async () => {
  const hostile = ['../../evil', '/etc/passwd', 'C:\\evil', '../demo-1.0.dist-info/METADATA'].map((name) => ({
    name,
    data: 'evil',
  }))
  assert.deepEqual(await readWheel(...hostile, { name: info, data: pythonsMetadata }), {
    state: 'complete',
    text: pythonsMetadata,
  })
})

const ambiguous: Record<string, readonly ZipEntry[]> = {
  'twice in one directory': [
    { name: info, data: 'one' },
    { name: info, data: 'two' },
  ],
  'in two dist-info directories': [
    { name: info, data: 'one' },
    { name: 'other-1.0.dist-info/METADATA', data: 'two' },
  ],
  'once more under a name with a zero byte': [
    { name: info, data: 'one' },
    { name: `${info}\0.txt`, data: 'two' },
  ],
  'once more under a name with a backslash': [
    { name: info, data: 'one' },
    { name: info.replace('/', '\\'), data: 'two' },
  ],
  'once more under a name that begins with a slash': [
    { name: info, data: 'one' },
    { name: `/${info}`, data: 'two' },
  ],
  'once more under a Unicode path': [
    { name: info, data: 'one' },
    { name: 'readme', data: 'two', extra: unicodePath(info) },
  ],
  'and another dist-info directory without any': [
    { name: info, data: pythonsMetadata },
    { name: 'other-1.0.dist-info/RECORD', data: '' },
  ],
  'in the dist-info directory of another project': [{ name: 'other-1.0.dist-info/METADATA', data: pythonsMetadata }],
  'in the dist-info directory of another version': [{ name: 'demo-1.1.dist-info/METADATA', data: pythonsMetadata }],
  'beside a member that is there twice': [
    { name: info, data: pythonsMetadata },
    { name: 'demo.py', data: 'one' },
    { name: 'demo.py', data: 'two' },
  ],
  'under another name in its local header': [{ name: info, localName: 'readme', data: 'one' }],
}

function unicodePath(path: string): Uint8Array {
  const field = Buffer.concat([Buffer.of(0x75, 0x70, path.length + 5, 0, 1, 0, 0, 0, 0), Buffer.from(path)])
  return field
}

for (const [where, entries] of Object.entries(ambiguous)) {
  test(`a wheel that holds METADATA ${where} is unreadable`, async () => {
    assert.deepEqual(await readWheel(...entries), unreadable)
  })
}

for (const [whose, text] of [
  ['another project', 'Metadata-Version: 2.1\nName: other\nVersion: 1.0\n'],
  ['another version', 'Metadata-Version: 2.1\nName: demo\nVersion: 1.0.post1\n'],
  ['nobody', 'Metadata-Version: 2.1\nVersion: 1.0\n'],
  ['no version', 'Metadata-Version: 2.1\nName: demo\n'],
  ['two projects', 'Metadata-Version: 2.1\nName: demo\nName: other\nVersion: 1.0\n'],
] as const) {
  test(`metadata of ${whose} is not that of the file, be it a wheel, an sdist or an egg`, async () => {
    assert.deepEqual(await readWheel({ name: info, data: text }), nothing)
    assert.deepEqual(await readSdist({ name: 'demo-1.0/PKG-INFO', data: text }), nothing)
    const egg = zip([{ name: 'EGG-INFO/PKG-INFO', data: text }])
    assert.deepEqual(await read(egg, 'egg', 'demo-1.0-py3.9.egg'), nothing)
  })
}

test('another spelling of the name and version is the same release', async () => {
  const text = 'Metadata-Version: 2.1\nName: My_Demo\nVersion: v1.0.0\n'
  const bytes = zip([{ name: 'My.Demo-1.dist-info/METADATA', data: text }])
  const parsed = { kind: 'wheel', filename: 'my_demo-1.0-py3-none-any.whl', version: '1.0' } as const
  const answer = await readDistributionMetadata(memorySource(bytes), { ...parsed, name: normalizeName('my-demo') })
  assert.equal(Buffer.from(answer.metadata ?? '').toString(), text)
})

test('a version that a file name could only spell with underscores is the same release', async () => {
  const text = 'Metadata-Version: 2.1\nName: demo\nVersion: 1.0+local\n'
  const bytes = zip([{ name: 'demo-1.0_local.dist-info/METADATA', data: text }])
  const parsed = { ...demo, kind: 'wheel', filename: 'demo-1.0_local-py3-none-any.whl', version: '1.0_local' } as const
  assert.equal(
    Buffer.from((await readDistributionMetadata(memorySource(bytes), parsed)).metadata ?? '').toString(),
    text,
  )
})

test('METADATA of more than 8 MiB is not inflated', async () => {
  assert.deepEqual(await readWheel({ name: info, data: Buffer.alloc(9 * 2 ** 20) }), unreadable)
})

test('METADATA with a wrong CRC-32 is unreadable', async () => {
  assert.deepEqual(await readWheel({ name: info, data: 'one', crc32: 1 }), unreadable)
})

test('a large wheel costs five reads of less than 80 KiB altogether', async () => {
  const bytes = zip([
    { name: 'demo/data', data: Buffer.alloc(2 ** 20), method: 'stored' },
    { name: info, data: pythonsMetadata },
  ])
  const reads: number[] = []
  const memory = memorySource(bytes)
  const source: ByteSource = {
    size: memory.size,
    read: (position, length) => {
      reads.push(length)
      return memory.read(position, length)
    },
  }
  await readDistributionMetadata(source, { ...demo, kind: 'wheel', filename: 'demo-1.0-py3-none-any.whl' })
  assert.ok(reads.length > 0 && reads.length <= 5)
  assert.ok(reads.reduce((sum, length) => sum + length) < 80 * 1024)
})

test('a wheel of 1 TiB costs no more, for nothing but its end and its metadata are read', async () => {
  const gap = 2 ** 40
  const bytes = zip([{ name: info, data: pythonsMetadata }], { zip64: true, directoryOffset: gap })
  const directoryStart = bytes.indexOf('PK\x01\x02')
  const size = gap + bytes.length - directoryStart
  let total = 0
  const source: ByteSource = {
    size,
    read: (position, length) => {
      total += length
      const window = Buffer.alloc(Math.min(length, size - position))
      const [head, tail] = [bytes.subarray(0, directoryStart), bytes.subarray(directoryStart)]
      window.set(head.subarray(position, position + window.length))
      const at = gap - position
      if (at < window.length) window.set(tail.subarray(Math.max(-at, 0), window.length - at), Math.max(at, 0))
      return window
    },
  }
  const parsed = { ...demo, kind: 'wheel', filename: 'demo-1.0-py3-none-any.whl' } as const
  const { metadata } = await readDistributionMetadata(source, parsed)
  assert.equal(Buffer.from(metadata ?? '').toString(), pythonsMetadata)
  assert.ok(total < 80 * 1024, `${total} bytes were read`)
})

test('a wheel cut at any byte is truncated', async () => {
  const { bytes, filename } = wheel({ name: 'demo', version: '1.0' })
  for (let length = 0; length < bytes.length; length += 1) {
    const source = memorySource(bytes.subarray(0, length))
    assert.equal((await readDistributionMetadata(source, { ...demo, kind: 'wheel', filename })).state, 'truncated')
    assert.equal(await verifyEnd(source, filename), 'truncated')
  }
})

test('an sdist cut at any byte is truncated', async () => {
  const { bytes, filename } = sdist({ name: 'demo', version: '1.0' })
  for (let length = 0; length < bytes.length; length += 1)
    assert.equal(await verifyEnd(memorySource(bytes.subarray(0, length)), filename), 'truncated', `cut at ${length}`)
})

for (const name of ['demo.tar.bz2', 'demo.tar.xz']) {
  test(`a ${name} is complete, and truncated when cut at any byte`, async () => {
    const bytes = await fixture(name)
    assert.deepEqual(await read(bytes, 'sdist', name), nothing)
    assert.equal(await verifyEnd(memorySource(bytes), name), 'complete')
    for (let length = 0; length < bytes.length; length += 1)
      assert.equal(await verifyEnd(memorySource(bytes.subarray(0, length)), name), 'truncated', `cut at ${length}`)
  })
}

for (const filename of ['demo-1.whl', 'demo-1.zip', 'demo-1.egg', 'demo-1.tar.gz', 'demo-1.tar.bz2', 'demo-1.tar.xz']) {
  test(`a page of HTML called ${filename} is unreadable`, async () => {
    const page = Buffer.from('<!doctype html><title>503</title>'.repeat(10))
    assert.deepEqual(await read(page, 'sdist', filename), unreadable)
    assert.equal(await verifyEnd(memorySource(page), filename), 'unreadable')
  })
}

test('formats that are not known here are not judged', async () => {
  assert.deepEqual(await read(Buffer.from('MZ'), 'installer', 'demo-1.0.win32.exe'), {
    state: 'unknown',
    text: undefined,
  })
  assert.equal(await verifyEnd(memorySource(Buffer.from('MZ')), 'demo-1.0.msi'), 'unknown')
})

test('an error of the source is thrown, not taken for the content', async () => {
  const source: ByteSource = {
    size: 1000,
    read: () => {
      throw Object.assign(new Error('input/output error'), { code: 'EIO' })
    },
  }
  for (const filename of ['demo-1.0-py3-none-any.whl', 'demo-1.0.tar.gz', 'demo-1.0.tar.bz2']) {
    await assert.rejects(readDistributionMetadata(source, { ...demo, kind: 'sdist', filename }), { code: 'EIO' })
    await assert.rejects(verifyEnd(source, filename), { code: 'EIO' })
  }
})
