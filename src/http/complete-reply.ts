import type { Headers, Reply } from './message.js'

/** Carried by every answer. */
const commonHeaders: Headers = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' }

/** The reply with the headers that every answer carries; one that is complete already as it is. */
export function completeReply(reply: Reply): Reply {
  if (reply.headerList !== undefined) return reply
  const length = bodyLength(reply)
  // 204 and 304 have no body whose length could be told (RFC 9110 section 8.6).
  const hasLength = length !== undefined && reply.status !== 304 && reply.status !== 204
  const headers = { ...commonHeaders, ...reply.headers, ...(hasLength && { 'content-length': String(length) }) }
  return { ...reply, headers, headerList: Object.entries(headers).flat() }
}

/** Bytes of the body, `undefined` for streams that do not say. */
export function bodyLength({ headers, body }: Reply): number | undefined {
  if (headers['content-length'] !== undefined) return Number(headers['content-length'])
  if (body === undefined) return 0
  if (typeof body === 'string') return Buffer.byteLength(body)
  return body instanceof Uint8Array ? body.length : undefined
}
