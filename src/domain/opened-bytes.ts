import { buffer } from 'node:stream/consumers'
import type { OpenedFile } from '../backend.js'
import { discardBody, isByteReader, readWhole } from '../util/byte-reader.js'

/** The bytes of an open part; `undefined` when only another server holds them, or when they are more than `maxBytes`. */
export async function openedBytes({ size, body }: OpenedFile, maxBytes: number): Promise<Uint8Array | undefined> {
  if (body === undefined || 'redirect' in body) return undefined
  if (size > maxBytes) {
    await discardBody(body)
    return undefined
  }
  if (body instanceof Uint8Array) return body
  return isByteReader(body) ? await readWhole(body) : await buffer(body)
}
