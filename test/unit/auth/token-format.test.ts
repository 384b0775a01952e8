import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { hashToken, isUndamagedToken, newToken } from '#src/auth/token-format.js'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const base62 = (text: string): number =>
  [...text].reduce((value, character) => value * 62 + alphabet.indexOf(character), 0)

test('a token is its prefix, 40 characters and the CRC-32 of these in base62', () => {
  for (let count = 0; count < 100; count++) {
    const [, secret = '', checksum = ''] = /^pypisrv_([0-9A-Za-z]{40})([0-9A-Za-z]{6})$/.exec(newToken()) ?? []
    assert.equal(base62(checksum), crc32(secret))
  }
})

test('a small checksum keeps its leading zeros', () => {
  const secret = '356'.padStart(40, '0')
  assert.equal(base62('U3y3'), crc32(secret))
  assert.equal(isUndamagedToken(`pypisrv_${secret}00U3y3`), true)
})

test('no two tokens are equal', () => {
  assert.equal(new Set(Array.from({ length: 1000 }, newToken)).size, 1000)
})

test('a token with any one character changed, lost or added is damaged', () => {
  const token = newToken()
  assert.equal(isUndamagedToken(token), true)
  for (let at = 0; at < token.length; at++) {
    const [before, after] = [token.slice(0, at), token.slice(at + 1)]
    assert.equal(isUndamagedToken(`${before}${token[at] === 'x' ? 'y' : 'x'}${after}`), false)
    assert.equal(isUndamagedToken(before + after), false)
    assert.equal(isUndamagedToken(`${before}x${token.slice(at)}`), false)
  }
  assert.equal(isUndamagedToken(`${token}\n`), false)
  assert.equal(isUndamagedToken(''), false)
})

test('the hash of a token is its SHA-256', () => {
  assert.equal(hashToken('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
