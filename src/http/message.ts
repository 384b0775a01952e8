import type { Readable } from 'node:stream'
import type { ByteReader } from '../util/byte-reader.js'

/** Header fields by lower-case name. */
export type Headers = Readonly<Record<string, string>>

/** A request as routes see it: decoded, without a socket. */
export interface Call {
  /** Upper case; `HEAD` arrives as `GET`, the edge drops the body. */
  readonly method: string
  /** Whether the client asked with `HEAD`. */
  readonly isHead: boolean
  /** Path parameters of the matched route, percent-decoded once. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Lower-case names; repeated fields joined by `, `. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Path below the mount point, as the client wrote it, without query; begins with `/`. */
  readonly path: string
  /** Absolute URL of the mount point with a trailing slash, as far as it is known (`http://host/prefix/`). */
  readonly baseUrl: string
  /** Where the client is, as far as it is known. */
  readonly address: string | undefined
  /** Whether it came through a proxy that is trusted, and says so by `X-Forwarded-For`. */
  readonly isProxied: boolean
  /** `1.0`, `1.1` or `2.0`. */
  readonly httpVersion: string
  /** The unread request body. */
  readonly body: Readable
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal
}

/** What a route answers: a value. The edge adds the headers that every answer carries. */
export interface Reply {
  readonly status: number
  /** RFC 9110 reason phrase in place of the standard one; the edge reduces it to visible ASCII. */
  readonly reason?: string
  readonly headers: Headers
  /**
   * All headers, names and values in turn, as node:http writes them fastest; the edge adds none: for replies that are given
   * again and again. @default made of `headers` and those that every answer carries
   */
  readonly headerList?: readonly string[]
  /** Text is UTF-8; a reader is closed, a stream consumed or destroyed by the edge. Absent: an empty body. */
  readonly body?: string | Uint8Array | ByteReader | Readable
}
