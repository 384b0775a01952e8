import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { PypiServerError } from '../errors.js'
import { type BufferPool, createBufferPool } from '../util/buffer-pool.js'
import { type ByteReader, isByteReader } from '../util/byte-reader.js'

/**
 * Sends a body that is not in memory and ends the response; `length` is what its header announces, in bytes, if it does.
 * Rejects, with the response unended, when the body has another length or breaks off, or when the client does.
 */
export type SendBody = (
  body: ByteReader | Readable,
  res: ServerResponse | Http2ServerResponse,
  length: number | undefined,
) => Promise<void>

// Measured: 64 KiB costs twice the CPU time of 256 KiB, and that twice the CPU time of 1 MiB.
const small = { bytes: 256 * 1024, idle: 16 }
const large = { bytes: 1024 * 1024, idle: 4 }
const largeAtOnce = 8

/**
 * A sender whose responses share buffers: each has at most two, one that leaves and one that is being filled. They have
 * 1 MiB for eight large bodies at once, and 256 KiB for all others.
 */
export function createBodySender(): SendBody {
  const smallPool = createBufferPool(small)
  const largePool = createBufferPool(large)
  let largeNow = 0

  async function sendPieces(reader: ByteReader, res: ServerResponse, length: number | undefined): Promise<void> {
    if (length === undefined || length < large.bytes || largeNow >= largeAtOnce)
      return await sendReader(reader, res, { pool: smallPool, length })
    largeNow += 1
    try {
      await sendReader(reader, res, { pool: largePool, length })
    } finally {
      largeNow -= 1
    }
  }

  // Not by `strictContentLength`: hosts wrap `end()`, and what it throws then reaches nobody who could catch it.
  return async (body, res, length) => {
    if (isByteReader(body)) await sendPieces(body, res as ServerResponse, length)
    else await pipeline(body, (source) => counted(source, length), res as ServerResponse)
  }
}

async function* counted(source: AsyncIterable<Uint8Array>, length: number | undefined): AsyncGenerator<Uint8Array> {
  let sent = 0
  for await (const chunk of source) {
    sent += chunk.length
    yield chunk
  }
  assertWhole(sent, length)
}

/** A body that ends before its length must not look like a whole one, nor leave the client waiting for the rest. */
function assertWhole(sent: number, length: number | undefined): void {
  if (length === undefined || sent === length) return
  throw new PypiServerError('ERR_PYPI_INTERNAL', `a body of ${length} bytes has ${sent}`)
}

interface Sending {
  readonly pool: BufferPool
  readonly length: number | undefined
}

async function sendReader(reader: ByteReader, res: ServerResponse, { pool, length }: Sending): Promise<void> {
  let sent = 0
  // It is told by `close` and by what `write` calls back with; unheard it would end the process.
  const ignore = (): void => {}
  res.on('error', ignore)
  try {
    let next: Promise<Piece> = readPiece(reader, pool)
    for (;;) {
      const { buffer, count } = await next
      if (count === 0) {
        pool.give(buffer)
        assertWhole(sent, length)
        return void res.end()
      }
      sent += count
      const isFlowing = writePiece(res, pool, buffer, count)
      // While this one leaves the next one is read.
      next = readPiece(reader, pool)
      // Nobody waits for it when the client goes away.
      next.catch(ignore)
      if (!isFlowing) await drained(res)
    }
  } finally {
    await reader.close()
    res.off('error', ignore)
  }
}

interface Piece {
  readonly buffer: Buffer
  readonly count: number
}

async function readPiece(reader: ByteReader, pool: BufferPool): Promise<Piece> {
  const buffer = pool.take()
  return { buffer, count: await reader.readInto(buffer) }
}

/** Whether the next piece may follow at once. */
function writePiece(res: ServerResponse, pool: BufferPool, buffer: Buffer, count: number): boolean {
  const piece = count === buffer.length ? buffer : buffer.subarray(0, count)
  // A host's middleware that replaced the method may keep the bytes, or drop the callback.
  if (Object.hasOwn(res, 'write')) return res.write(piece)
  return res.write(piece, (error) => {
    // After an error the system may still hold the buffer.
    if (error === undefined || error === null) pool.give(buffer)
  })
}

async function drained(res: ServerResponse): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onClose = (): void => {
      res.off('drain', onDrain)
      reject(new PypiServerError('ERR_PYPI_ABORTED', 'the client went away'))
    }
    const onDrain = (): void => {
      res.off('close', onClose)
      resolve()
    }
    if (res.destroyed || res.closed) return reject(new PypiServerError('ERR_PYPI_ABORTED', 'the client went away'))
    res.once('drain', onDrain)
    res.once('close', onClose)
  })
}
