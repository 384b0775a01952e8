import { createHash, timingSafeEqual } from 'node:crypto'
import { hashSync } from 'bcryptjs'
import unixCrypt from 'unix-crypt-td-js'
import { type HashFormat, type HashParts, readHash, shaCryptRounds } from './hash-formats.js'
import { md5Crypt } from './md5-crypt.js'
import { shaCrypt } from './sha-crypt.js'

/** Whether the password gives the stored text, by format. */
const matches: Readonly<Record<HashFormat, (password: string, parts: HashParts) => boolean>> = {
  bcrypt: (password, { prefix = '', digest }) => isSame(hashSync(password, prefix).slice(-31), digest),
  apr1: (password, { salt = '', digest }) => isSame(md5Crypt(Buffer.from(password), salt, '$apr1$'), digest),
  md5crypt: (password, { salt = '', digest }) => isSame(md5Crypt(Buffer.from(password), salt, '$1$'), digest),
  sha1: (password, { digest }) => isSame(createHash('sha1').update(password).digest('base64'), digest),
  sha256crypt: (password, parts) => matchesShaCrypt('sha256', password, parts),
  sha512crypt: (password, parts) => matchesShaCrypt('sha512', password, parts),
  // The library takes a string's UTF-16 units for bytes, hence the array.
  descrypt: (password, { salt = '', digest }) => isSame(unixCrypt([...Buffer.from(password)], salt).slice(2), digest),
}

/**
 * Whether the password, as UTF-8 bytes, is the one that was stored. Synchronous and as slow as the hash wants (up to
 * seconds): for a worker thread. Plain text, unknown formats, hashes above `maxBcryptCost` or `maxShaCryptRounds` and
 * passwords with a NUL (where C programs would stop reading) never match.
 */
export function verifyPassword(password: string, stored: string): boolean {
  const hash = readHash(stored)
  if (hash === undefined || hash.issue !== undefined || password.includes('\0')) return false
  return matches[hash.format](password, hash.parts)
}

function matchesShaCrypt(algorithm: 'sha256' | 'sha512', password: string, parts: HashParts): boolean {
  const parameters = { algorithm, salt: parts['salt'] ?? '', rounds: shaCryptRounds(parts) }
  return isSame(shaCrypt(Buffer.from(password), parameters), parts['digest'])
}

function isSame(actual: string, expected = ''): boolean {
  const [a, b] = [Buffer.from(actual), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
