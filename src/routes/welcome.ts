import type { Call, Reply } from '../http/message.js'
import { welcomePage } from '../render/pages.js'
import type { Services } from './route.js'

/** The page at the mount point. */
export async function welcome(call: Call, { index, version }: Services): Promise<Reply> {
  const body = welcomePage({ url: call.baseUrl, version, fileCount: await index.fileCount() })
  return { status: 200, headers: { 'content-type': 'text/html; charset=UTF-8', 'cache-control': 'no-cache' }, body }
}
