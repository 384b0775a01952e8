import { htmlSafety } from '../http/html-safety.js'
import type { Call, Reply } from '../http/message.js'
import { welcomePage, welcomePageFrom } from '../render/pages.js'
import type { Services } from './route.js'

/** The page at the mount point. */
export async function welcome(call: Call, { index, version, welcome: template }: Services): Promise<Reply> {
  const facts = { url: call.baseUrl, version, fileCount: await index.fileCount() }
  const body = template === undefined ? welcomePage(facts) : welcomePageFrom(template, facts)
  const headers = { ...htmlSafety, 'content-type': 'text/html; charset=UTF-8', 'cache-control': 'no-cache' }
  return { status: 200, headers, body }
}
