import { get } from 'node:http'
import { buffer } from 'node:stream/consumers'

/** Status and fields of an answer, as they can be sent again. */
export interface RecordedHead {
  readonly status: number
  /** Names and values in turn, without those that every server writes for itself. */
  readonly headers: readonly string[]
}

/** An answer as it came. */
export interface Recorded extends RecordedHead {
  readonly body: Buffer
}

const ownFields: ReadonlySet<string> = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding'])

/** Asks once and keeps the answer, still encoded. */
export async function record(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Recorded> {
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    get(url, { headers: { ...headers }, agent: false }, resolve).once('error', reject)
  })
  const body = await buffer(response)
  const { rawHeaders, statusCode = 0 } = response
  const kept = rawHeaders.filter((_, index) => !ownFields.has(String(rawHeaders[index - (index % 2)]).toLowerCase()))
  return { status: statusCode, headers: kept, body }
}

/** A field of a recorded answer. */
export function fieldOf({ headers }: RecordedHead, name: string): string | undefined {
  const at = headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === name)
  return at < 0 ? undefined : headers[at + 1]
}
