import { createHash } from 'node:crypto'
import { cryptBase64 } from './crypt-base64.js'

/** What the text of a `$5$` or `$6$` hash fixes. */
export interface ShaCryptParameters {
  readonly algorithm: 'sha256' | 'sha512'
  /** At most 16 characters. */
  readonly salt: string
  /** 1,000 to 999,999,999. */
  readonly rounds: number
}

/**
 * The 43 (`$5$`) or 86 (`$6$`) characters after the salt, as Drepper's «Unix crypt using SHA-256 and SHA-512» defines
 * them; the step numbers are that text's.
 */
export function shaCrypt(password: Buffer, { algorithm, salt, rounds }: ShaCryptParameters): string {
  const hash = (...parts: readonly (string | Uint8Array)[]): Buffer => {
    const state = createHash(algorithm)
    for (const part of parts) state.update(part)
    return state.digest()
  }
  // Steps 4 to 12.
  const inner = hash(password, salt, password)
  let digest = hash(password, salt, stretched(inner, password.length), ...lengthBits(password, inner))
  // Steps 13 to 20: stand-ins of the same lengths, so that the loop below never touches the originals.
  const p = stretched(hash(...Array(password.length).fill(password)), password.length)
  const s = stretched(hash(...Array(16 + (digest[0] ?? 0)).fill(salt)), Buffer.byteLength(salt))
  // Step 21.
  for (let round = 0; round < rounds; round += 1) {
    const odd = round % 2 === 1
    digest = hash(odd ? p : digest, round % 3 === 0 ? '' : s, round % 7 === 0 ? '' : p, odd ? digest : p)
  }
  return cryptBase64(digest, algorithm === 'sha256' ? sha256Order() : sha512Order())
}

function stretched(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, block)
}

// Step 11: one input per bit of the length.
function* lengthBits(password: Buffer, inner: Buffer): Generator<Uint8Array> {
  for (let bits = password.length; bits > 0; bits >>= 1) yield bits & 1 ? inner : password
}

// Step 22: byte n of each third of the digest, the three turned by one place per group (to the right and to the left).
function sha256Order(): number[][] {
  return [...interleaved(10, 2), [31, 30]]
}

function sha512Order(): number[][] {
  return [...interleaved(21, 1), [63]]
}

function interleaved(third: number, turn: number): number[][] {
  return Array.from({ length: third }, (_, at) => [0, 1, 2].map((place) => at + third * ((place + at * turn) % 3)))
}
