import { createHash } from 'node:crypto'
import { cryptBase64 } from './crypt-base64.js'

const rounds = 1000
const order = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [11]]

/** The 22 characters after the salt of a `$1$` hash (FreeBSD's crypt) or, under its other magic, an `$apr1$` one (Apache's). */
export function md5Crypt(password: Buffer, salt: string, magic: '$1$' | '$apr1$'): string {
  const inner = md5(password, salt, password)
  let digest = md5(password, magic, salt, ...repeated(inner, password.length), ...lengthBits(password))
  for (let round = 0; round < rounds; round += 1) {
    const odd = round % 2 === 1
    digest = md5(
      odd ? password : digest,
      round % 3 === 0 ? '' : salt,
      round % 7 === 0 ? '' : password,
      odd ? digest : password,
    )
  }
  return cryptBase64(digest, order)
}

function md5(...parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash('md5')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function* repeated(block: Buffer, length: number): Generator<Uint8Array> {
  for (let left = length; left > 0; left -= block.length) yield block.subarray(0, left)
}

// One byte per bit of the length: NUL for a one, the password's first byte for a zero. Odd, but all files rest on it.
function* lengthBits(password: Buffer): Generator<Uint8Array> {
  for (let bits = password.length; bits > 0; bits >>= 1) yield bits & 1 ? Buffer.alloc(1) : password.subarray(0, 1)
}
