import { Readable } from 'node:stream'

/**
 * Bytes that are read piece by piece into memory of whoever reads them, who closes it, also when giving up. Other than
 * with a stream the same memory can be used for piece after piece.
 */
export interface ByteReader {
  /**
   * Fills the target with the next bytes and fulfils with their number, which is less than its length only at the end,
   * and 0 after it. One call at a time. Rejects when the bytes cannot be had, or are no longer those that were described.
   */
  readonly readInto: (target: Uint8Array) => Promise<number>
  /** Lets go of what is held, once a read under way has ended. Idempotent, never rejects. */
  readonly close: () => Promise<void>
}

/** Tells a reader from the other kinds of bodies. */
export function isByteReader(body: unknown): body is ByteReader {
  return typeof body === 'object' && body !== null && 'readInto' in body
}

/** Lets go of a body that nobody will read. Never rejects. */
export async function discardBody(body: unknown): Promise<void> {
  if (isByteReader(body)) await body.close()
  else if (body instanceof Readable) body.destroy()
}

const pieceBytes = 64 * 1024

/** All bytes of a reader, which is closed afterwards. */
export async function readWhole(reader: ByteReader): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  try {
    for (;;) {
      const piece = new Uint8Array(pieceBytes)
      const count = await reader.readInto(piece)
      pieces.push(piece.subarray(0, count))
      if (count < pieceBytes) return Buffer.concat(pieces)
    }
  } finally {
    await reader.close()
  }
}
