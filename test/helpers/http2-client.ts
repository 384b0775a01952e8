import { connect, type IncomingHttpHeaders } from 'node:http2'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

/** `fetch` over one HTTP/2 connection to this origin, which ends with the test. */
export async function http2Client(
  t: TestContext,
  origin: string,
): Promise<(url: URL, init: RequestInit) => Promise<Response>> {
  const session = connect(origin)
  t.after(() => session.destroy())
  return async (url, init) => {
    const request = new Request(url, init)
    const body = Buffer.from(await request.arrayBuffer())
    const fields = {
      ...Object.fromEntries(request.headers),
      ':path': `${url.pathname}${url.search}`,
      ':method': request.method,
      ...(body.length > 0 && { 'content-length': String(body.length) }),
    }
    const stream = session.request(fields, { endStream: body.length === 0 })
    if (body.length > 0) stream.end(body)
    const headers = await new Promise<IncomingHttpHeaders & { readonly ':status'?: number }>((resolve, reject) => {
      stream.once('response', resolve).once('error', reject)
    })
    const bytes = await buffer(stream)
    const status = headers[':status'] ?? 0
    const length = headers['content-length']
    // A stream that ends early need not end with an error (RFC 9113 section 8.1.1).
    if (length !== undefined && request.method !== 'HEAD' && status !== 304 && Number(length) !== bytes.length) {
      throw new Error(`${bytes.length} bytes came, ${length} were announced`)
    }
    const isBodiless = [204, 304].includes(status) || request.method === 'HEAD'
    return new Response(isBodiless ? null : bytes, { status, headers: fieldsOf(headers) })
  }
}

function fieldsOf(headers: IncomingHttpHeaders): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]): [string, string][] => {
    if (name.startsWith(':')) return []
    return [value].flat().map((text): [string, string] => [name, String(text)])
  })
}
