import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TruncatedArchiveError } from '#src/archive/archive-error.js'
import { findTarMember, type TarOptions } from '#src/archive/tar.js'
import { longName, paxHeader, type TarEntry, tar } from '../../helpers/archives.js'

const bad = { code: 'ERR_PYPI_BAD_ARCHIVE' }
const wanted: TarEntry = { name: 'a', data: 'wanted' }

async function* inChunks(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

async function find(bytes: Uint8Array, path = 'a', options: TarOptions = {}): Promise<string | undefined> {
  const found = await findTarMember(inChunks(bytes, 700), (candidate) => candidate === path, options)
  return found && Buffer.from(found).toString()
}

test('a member is found behind others whatever the size of the chunks', async () => {
  const bytes = tar([{ name: 'x', data: 'x'.repeat(1000) }, { name: 'empty' }, wanted])
  for (const length of [1, 511, 512, 513, 100_000]) {
    const found = await findTarMember(inChunks(bytes, length), (path) => path === 'a')
    assert.equal(Buffer.from(found ?? []).toString(), 'wanted')
  }
})

test('a tar without the member gives undefined', async () => {
  assert.equal(await find(tar([wanted]), 'b'), undefined)
})

test('the ustar prefix is part of the path', async () => {
  assert.equal(await find(tar([{ ...wanted, prefix: 'some/folder' }]), 'some/folder/a'), 'wanted')
})

test('a pax path and size replace those of the header', async () => {
  const bytes = tar([paxHeader({ path: 'a', size: '6' }), { name: 'other', data: 'wanted', size: 0 }])
  assert.equal(await find(bytes), 'wanted')
})

test('a GNU long name replaces that of the header', async () => {
  const path = 'long/'.repeat(50)
  assert.equal(await find(tar([longName(`${path}a`), { ...wanted, name: 'short' }]), `${path}a`), 'wanted')
})

test('a base-256 size is read', async () => {
  assert.equal(await find(tar([{ name: 'x', data: 'x'.repeat(600), base256: true }, wanted])), 'wanted')
})

test('a pax global header describes no member', async () => {
  assert.equal(await find(tar([paxHeader({ comment: 'from git' }, 'g'), wanted])), 'wanted')
})

test('links of the wanted name are passed over', async () => {
  assert.equal(await find(tar([{ name: 'a', type: '2' }, { name: 'a', type: '5' }, wanted])), 'wanted')
})

test('a tar without closing blocks is read to its end', async () => {
  const bytes = tar([wanted])
  assert.equal(await find(bytes.subarray(0, bytes.length - 1024), 'b'), undefined)
})

const refused: Record<string, readonly TarEntry[]> = {
  'a pax header before a GNU long name': [paxHeader({ path: 'b' }), longName('a'), wanted],
  'a GNU long name before a pax header': [longName('a'), paxHeader({ path: 'b' }), wanted],
  'two pax headers for one member': [paxHeader({ path: 'b' }), paxHeader({ path: 'a' }), wanted],
  'a pax global header with a path': [paxHeader({ path: 'b' }, 'g'), wanted],
  'an extension header without a member': [longName('a')],
  'a wrong checksum': [{ ...wanted, badChecksum: true }],
  'a sparse member': [{ name: 'x', type: 'S' }, wanted],
  'a pax sparse member': [paxHeader({ 'GNU.sparse.major': '1' }), wanted],
  'a pax size that is no number': [paxHeader({ size: '-6' }), wanted],
  'a pax record with a wrong length': [{ name: 'x', type: 'x', data: '99 path=a\n' }, wanted],
  'a pax header of more than 1 MiB': [paxHeader({ comment: 'x'.repeat(2 ** 20) }), wanted],
  'a wanted member of more than 8 MiB': [{ ...wanted, size: 8 * 2 ** 20 + 1 }],
}

for (const [what, entries] of Object.entries(refused)) {
  test(`${what} is refused`, async () => {
    await assert.rejects(find(tar(entries)), bad)
  })
}

test('bytes that are no tar are refused', async () => {
  await assert.rejects(find(Buffer.from('hello')), bad)
  await assert.rejects(find(Buffer.alloc(2000, 'x')), bad)
})

test('a second wanted member is refused when all is read', async () => {
  const bytes = tar([wanted, wanted])
  assert.equal(await find(bytes), 'wanted')
  await assert.rejects(find(bytes, 'a', { readTo: 'end' }), bad)
})

test('more than 200,000 headers are refused', async () => {
  const thousand = Buffer.concat(Array.from({ length: 1000 }, () => tar([{ name: 'x' }]).subarray(0, 512)))
  async function* thousands(count: number): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < count; index += 1) yield thousand
  }
  assert.equal(await findTarMember(thousands(200), () => false), undefined)
  await assert.rejects(
    findTarMember(thousands(201), () => false),
    bad,
  )
})

test('a tar cut inside a member or a header is truncated', async () => {
  const bytes = tar([{ name: 'x', data: 'x'.repeat(600) }, wanted])
  for (const length of [513, 1100, 1600]) await assert.rejects(find(bytes.subarray(0, length)), TruncatedArchiveError)
})

test('the chunks are not iterated further once the member was found', async () => {
  let closed = false
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      yield tar([wanted])
      assert.fail('read too far')
    } finally {
      closed = true
    }
  }
  await findTarMember(chunks(), (path) => path === 'a')
  assert.ok(closed)
})
