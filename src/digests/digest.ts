import { createHash, getHashes } from 'node:crypto'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import type { IHasher } from 'hash-wasm'
import { PypiServerError } from '../errors.js'

/** Names of Python's hashlib, as index pages spell them, with Node's names; `blake2b_256` is what uploads claim. */
const nodeNames: ReadonlyMap<string, string> = new Map([
  ['md5', 'md5'],
  ['sha1', 'sha1'],
  ['sha224', 'sha224'],
  ['sha256', 'sha256'],
  ['sha384', 'sha384'],
  ['sha512', 'sha512'],
  ['sha512_224', 'sha512-224'],
  ['sha512_256', 'sha512-256'],
  ['sha3_224', 'sha3-224'],
  ['sha3_256', 'sha3-256'],
  ['sha3_384', 'sha3-384'],
  ['sha3_512', 'sha3-512'],
  ['blake2b', 'blake2b512'],
  ['blake2s', 'blake2s256'],
  // Not in every OpenSSL, but in hashlib wherever they are in there.
  ['ripemd160', 'ripemd160'],
  ['sm3', 'sm3'],
  ['md5-sha1', 'md5-sha1'],
])

/** Hashes bytes as they pass, with several algorithms at once. */
export interface Digester {
  readonly update: (bytes: Uint8Array) => void
  /** Lower-case hex by algorithm, in the order asked for. Ends the digester. */
  readonly finish: () => Record<string, string>
}

/** As {@link createDigester}. */
export type DigesterFactory = (algorithms: readonly string[]) => Promise<Digester>

interface OneHash {
  readonly update: (bytes: Uint8Array) => void
  readonly hex: () => string
}

/** Whether {@link createDigester} knows this name. */
export function isHashAlgorithm(name: string): boolean {
  return name === 'blake2b_256' || hashAlgorithms().includes(name)
}

/** The names that {@link createDigester} takes, for messages. */
export function hashAlgorithms(): readonly string[] {
  const available = getHashes()
  return [...nodeNames].flatMap(([name, nodeName]) => (available.includes(nodeName) ? [name] : []))
}

/**
 * A digester for these algorithms, named as in hashlib, plus `blake2b_256`.
 * @throws ERR_PYPI_CONFIG for an unknown name
 */
export async function createDigester(algorithms: readonly string[]): Promise<Digester> {
  return await digesterOf(algorithms, createBlake2b)
}

/** Makes digesters as {@link createDigester} does, and uses again what those before have finished with. */
export function createDigesters(): DigesterFactory {
  const idle: IHasher[] = []
  const takeBlake2b = async (): Promise<OneHash> => {
    const hash = idle.pop() ?? (await newBlake2b())
    const { update, hex } = hashOf(hash.init())
    return {
      update,
      hex: () => {
        const digest = hex()
        if (idle.length < maxIdle) idle.push(hash)
        return digest
      },
    }
  }
  return (algorithms) => digesterOf(algorithms, takeBlake2b)
}

async function digesterOf(algorithms: readonly string[], blake2b: () => Promise<OneHash>): Promise<Digester> {
  // Node's OpenSSL has BLAKE2b only with 512 bits, and its first half is not BLAKE2b-256.
  const create = async (name: string): Promise<OneHash> => (name === 'blake2b_256' ? await blake2b() : createOne(name))
  const hashes = await Promise.all(algorithms.map(async (name) => [name, await create(name)] as const))
  return {
    update: (bytes) => {
      for (const [, hash] of hashes) hash.update(bytes)
    },
    finish: () => Object.fromEntries(hashes.map(([name, hash]) => [name, hash.hex()])),
  }
}

// An instance takes some 100 KiB.
const maxIdle = 16

async function newBlake2b(): Promise<IHasher> {
  const { createBLAKE2b } = await import('hash-wasm')
  return await createBLAKE2b(256)
}

async function createBlake2b(): Promise<OneHash> {
  return hashOf(await newBlake2b())
}

function createOne(name: string): OneHash {
  const nodeName = nodeNames.get(name)
  if (nodeName === undefined) throw new PypiServerError('ERR_PYPI_CONFIG', `hash algorithm ${name} is not available`)
  return hashOf(createHash(nodeName))
}

function hashOf(hash: { update(bytes: Uint8Array): unknown; digest(encoding: 'hex'): string }): OneHash {
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

const chunkBytes = 1024 * 1024

/**
 * Hashes a whole file with synchronous reads of 1 MiB, calling `between` after each: meant for worker threads.
 * Rejects with the system's error when the file cannot be read.
 */
export async function digestFile(
  path: string,
  algorithms: readonly string[],
  options: { readonly between?: () => Promise<void> } = {},
): Promise<Record<string, string>> {
  const digester = await createDigester(algorithms)
  const buffer = Buffer.allocUnsafe(chunkBytes)
  // Without O_NONBLOCK a FIFO that took the file's place would block the thread for ever.
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    for (;;) {
      const count = readSync(fd, buffer, 0, chunkBytes, null)
      if (count === 0) return digester.finish()
      digester.update(buffer.subarray(0, count))
      await options.between?.()
    }
  } finally {
    closeSync(fd)
  }
}
