import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createDigester, createDigesters, digestFile, hashAlgorithms, isHashAlgorithm } from '#src/digests/digest.js'
import { temporaryDirectory } from '../../helpers/temporary.js'

// What hashlib.new(name, b'abc') says; blake2b_256 is hashlib.blake2b(b'abc', digest_size=32).
const digestsOfAbc: readonly (readonly [algorithm: string, hex: string])[] = [
  ['md5', '900150983cd24fb0d6963f7d28e17f72'],
  ['sha1', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
  ['sha224', '23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7'],
  ['sha256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['sha384', 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7'],
  [
    'sha512',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  ],
  ['sha512_224', '4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa'],
  ['sha512_256', '53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23'],
  ['sha3_224', 'e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf'],
  ['sha3_256', '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532'],
  ['sha3_384', 'ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25'],
  [
    'sha3_512',
    'b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0',
  ],
  [
    'blake2b',
    'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923',
  ],
  ['blake2s', '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982'],
  ['ripemd160', '8eb208f7e05d987a9b044a8e98c6b087f15a0bfc'],
  ['sm3', '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0'],
  ['md5-sha1', '900150983cd24fb0d6963f7d28e17f72a9993e364706816aba3e25717850c26c9cd0d89d'],
  ['blake2b_256', 'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319'],
]

for (const [algorithm, hex] of digestsOfAbc)
  test(`${algorithm} is what Python's hashlib says`, async () => {
    const digester = await createDigester([algorithm])
    digester.update(Buffer.from('a'))
    digester.update(new Uint8Array())
    digester.update(new Uint8Array([0x62, 0x63]))
    assert.deepEqual(digester.finish(), { [algorithm]: hex })
  })

test('digests of nothing are those of an empty file', async () => {
  const digester = await createDigester(['sha256', 'blake2b_256'])
  assert.deepEqual(digester.finish(), {
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    blake2b_256: '0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8',
  })
})

test('digests come in the order asked for', async () => {
  const digester = await createDigester(['sha256', 'blake2b_256', 'md5'])
  assert.deepEqual(Object.keys(digester.finish()), ['sha256', 'blake2b_256', 'md5'])
})

test('digesters at work side by side do not mix', async () => {
  const [one, other] = [await createDigester(['blake2b_256']), await createDigester(['blake2b_256'])]
  one.update(Buffer.from('ab'))
  other.update(Buffer.from('x'))
  one.update(Buffer.from('c'))
  assert.equal(one.finish()['blake2b_256'], 'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319')
})

test('the listed algorithms are those that are known', () => {
  const known = digestsOfAbc.map(([algorithm]) => algorithm)
  assert.deepEqual(hashAlgorithms(), known.slice(0, -1))
  assert.deepEqual(known.filter(isHashAlgorithm), known)
})

for (const algorithm of ['shake_128', 'sha3-256', 'SHA256', 'blake2b512', 'crc32', '', 'constructor'])
  test(`«${algorithm}» is no hash algorithm`, async () => {
    assert.equal(isHashAlgorithm(algorithm), false)
    await assert.rejects(createDigester([algorithm]), { code: 'ERR_PYPI_CONFIG' })
  })

test('a file of several chunks is hashed whole, with a pause after each', async (t) => {
  const path = join(temporaryDirectory(t), 'file')
  // 2.5 MiB and four bytes.
  const bytes = Buffer.from([...Array(256).keys()])
  writeFileSync(path, Buffer.concat([...Array<Buffer>(10_240).fill(bytes), Buffer.from('tail')]))
  let pauses = 0
  const between = async (): Promise<void> => {
    pauses += 1
  }
  assert.deepEqual(await digestFile(path, ['sha256', 'blake2b_256', 'md5'], { between }), {
    sha256: 'bc00e0615bd71b3a1934ce81299cb637266e4eef2a2d146dd89443850de9628c',
    blake2b_256: '0c63dbee94b210278e9d6c39fa67550f5eca48af8c8a0d239a7d7fc835a7539a',
    md5: '14aa78feabd0f93617e17997d248c0e7',
  })
  assert.equal(pauses, 3)
})

test('an empty file has the digest of nothing', async (t) => {
  const path = join(temporaryDirectory(t), 'empty')
  writeFileSync(path, '')
  assert.deepEqual(await digestFile(path, ['md5']), { md5: 'd41d8cd98f00b204e9800998ecf8427e' })
})

test('a file that is not there is the error of the system', async (t) => {
  await assert.rejects(digestFile(join(temporaryDirectory(t), 'absent'), ['sha256']), { code: 'ENOENT' })
})

test('a pause that fails ends the work', async (t) => {
  const path = join(temporaryDirectory(t), 'file')
  writeFileSync(path, 'abc')
  const between = (): Promise<void> => Promise.reject(new RangeError('stop'))
  await assert.rejects(digestFile(path, ['sha256'], { between }), RangeError)
})

test('digesters that are used again begin anew, also while others are in use', async () => {
  const digesters = createDigesters()
  const digestOf = async (text: string): Promise<unknown> => {
    const digester = await digesters(['blake2b_256'])
    digester.update(Buffer.from(text))
    return digester.finish()['blake2b_256']
  }
  const abc = 'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319'
  const unfinished = await digesters(['blake2b_256'])
  unfinished.update(Buffer.from('a'))
  assert.deepEqual(await Promise.all(['abc', 'abc', 'abc'].map(digestOf)), [abc, abc, abc])
  assert.equal(await digestOf('abc'), abc)
  unfinished.update(Buffer.from('bc'))
  assert.equal(unfinished.finish()['blake2b_256'], abc)
})
