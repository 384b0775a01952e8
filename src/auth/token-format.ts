import { createHash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** What every token begins with, so that secret scanners find leaked ones. */
export const tokenPrefix = 'pypisrv_'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const secretLength = 40
const checksumLength = 6
const shape = new RegExp(`^${tokenPrefix}([0-9A-Za-z]{${secretLength}})([0-9A-Za-z]{${checksumLength}})$`)

/** A new token: the prefix, 40 random characters (238 bits), and the CRC-32 of these in 6 characters, all in base62. */
export function newToken(): string {
  const secret = Array.from({ length: secretLength }, () => alphabet.charAt(randomInt(alphabet.length))).join('')
  return `${tokenPrefix}${secret}${checksumOf(secret)}`
}

/** Whether text claims to be a token of ours; it may be damaged. */
export function hasTokenPrefix(text: string): boolean {
  return text.startsWith(tokenPrefix)
}

/** Whether text is a token as it was once made, or would have been: nothing lost, no character mistyped. */
export function isUndamagedToken(text: string): boolean {
  const [, secret = '', checksum] = shape.exec(text) ?? []
  return checksum !== undefined && checksumOf(secret) === checksum
}

/**
 * What is stored in place of a token: its SHA-256 in lower-case hex. One fast round is enough, unlike for passwords: nobody
 * guesses 238 random bits.
 */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function checksumOf(secret: string): string {
  const digits: string[] = []
  for (let rest = crc32(secret); digits.length < checksumLength; rest = Math.floor(rest / alphabet.length)) {
    digits.unshift(alphabet.charAt(rest % alphabet.length))
  }
  return digits.join('')
}
