import { setImmediate } from 'node:timers/promises'
import type { DistributionFile } from '../backend.js'
import type { Call, Reply } from '../http/message.js'
import { fileListHtml } from '../render/simple-html.js'
import { pageHeaders, textPage } from './pages.js'
import type { Services } from './route.js'

/** Every file of the index on one page, for people and for scripts that pip's `--find-links` stands for. */
export async function fileList(call: Call, { index, pages, fragment, isPrivate }: Services): Promise<Reply> {
  const files: DistributionFile[] = []
  for await (const some of index.files()) {
    files.push(...some)
    // What is in memory comes at once: without a pause nobody else would be served before the last project.
    await setImmediate()
  }
  const body = fileListHtml(inFolderOrder(files), { toRoot: '../', fragment })
  return pages.reply(call, textPage(body, pageHeaders('text/html', isPrivate('list'))))
}

/** `/packages`: the page is at the address with the slash. */
export function toFileListSlash(): Reply {
  return { status: 301, headers: { location: 'packages/' } }
}

/** Folder by folder; within one, the order of projects and versions stays. */
function inFolderOrder(files: readonly DistributionFile[]): readonly DistributionFile[] {
  const folderOf = ({ path }: DistributionFile): string => path.slice(0, path.lastIndexOf('/') + 1)
  return files.toSorted((a, b) => (folderOf(a) < folderOf(b) ? -1 : Number(folderOf(a) > folderOf(b))))
}
