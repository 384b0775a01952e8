import { promisify } from 'node:util'
import * as zlib from 'node:zlib'

/** How the bytes of a page may be packed (RFC 9110 section 8.4.1); `identity` is not at all. */
export type ContentCoding = 'identity' | 'gzip' | 'br' | 'zstd'

/** Since Node 22.15; the types are those of Node 20. */
interface WithZstd {
  readonly zstdCompress?: (data: Uint8Array, callback: (error: Error | null, packed: Buffer) => void) => void
  readonly zstdCompressSync?: (data: Uint8Array) => Buffer
}

const { zstdCompress, zstdCompressSync } = zlib as WithZstd

/**
 * What this Node can pack, best first: digests hardly shrink, so that the fastest level of Brotli makes the smallest pages
 * and is the cheapest.
 */
export const contentCodings: readonly ContentCoding[] =
  zstdCompress === undefined ? ['br', 'gzip'] : ['br', 'zstd', 'gzip']

const gzipOptions: zlib.ZlibOptions = { level: 1 }
const brotliOptions: zlib.BrotliOptions = { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } }

// Packing this much takes as long as telling another thread of it.
const maxInlineBytes = 32 * 1024

/** The bytes, packed; at once when they are few, else off the event loop. */
export function encode(bytes: Buffer, coding: ContentCoding): Buffer | Promise<Buffer> {
  const isInline = bytes.length <= maxInlineBytes
  switch (coding) {
    case 'gzip':
      return isInline ? zlib.gzipSync(bytes, gzipOptions) : promisify(zlib.gzip)(bytes, gzipOptions)
    case 'br':
      return isInline
        ? zlib.brotliCompressSync(bytes, brotliOptions)
        : promisify(zlib.brotliCompress)(bytes, brotliOptions)
    case 'zstd':
      if (zstdCompress === undefined || zstdCompressSync === undefined) return bytes
      return isInline ? zstdCompressSync(bytes) : promisify(zstdCompress)(bytes)
    case 'identity':
      return bytes
  }
}
