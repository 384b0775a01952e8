import type { DistributionFile } from '../backend.js'
import { encodePath } from '../http/links.js'
import type { Call, Headers, Reply } from '../http/message.js'
import { contentHeaders, isUnchanged } from './ready-files.js'
import type { Services } from './route.js'

/** Whether distribution files that this call asks for are sent by the front server it came through. */
export function isHandedOver({ isProxied }: Call, { sendfile }: Pick<Services, 'sendfile'>): boolean {
  return sendfile !== undefined && isProxied
}

/**
 * The answer that has the front server send a file; `undefined` when it is not ours to send: nobody knows where its bytes
 * are, or the client has them. It has neither validators nor a range: the front server opens the file itself, a little
 * later, and tells those of the bytes that it sends.
 */
export async function handOver(call: Call, services: Services, file: DistributionFile): Promise<Reply | undefined> {
  const { backend, sendfile, fileCacheControl } = services
  if (sendfile === undefined || backend.localFile === undefined) return undefined
  const { signal } = call
  const found = await backend.openFile(file, { describeOnly: true, signal })
  if (found === undefined || isUnchanged(call, found)) return undefined
  const local = await backend.localFile(file, { signal })
  if (local === undefined) return undefined
  const where: Headers =
    sendfile === 'x-sendfile'
      ? { 'x-sendfile': encodePath(local.path) }
      : { 'x-accel-redirect': sendfile + encodePath(local.location) }
  const headers = { 'cache-control': fileCacheControl, ...contentHeaders(file.path, 'content'), ...where }
  return { status: 200, headers: { ...headers, 'content-length': '0' } }
}
