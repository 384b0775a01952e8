import { basename, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { measureLoad } from './load.js'
import { fieldOf, type Recorded, record } from './recorded.js'
import type { BenchContext, Contestant, Requirement, Scenario } from './scenario.js'
import {
  type BenchServer,
  type ServeConfig,
  serveApp,
  serveNginx,
  servePeer,
  serveReplay,
  serveScript,
} from './servers.js'
import { makeTree, type TreeOptions } from './tree.js'

/** A GET that is answered over and over, by us and by those who send the same bytes. */
export interface HttpScenario {
  readonly name: string
  readonly title: string
  /** What our index and peers given by command serve. */
  readonly tree: TreeOptions
  /** Below the mount point, without leading slash. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Sends the validator of the first answer along, so that every answer is a 304. @default false */
  readonly isRevalidated?: boolean
  /** Whether nothing more will be found out that the answer tells. @default once it stays the same for a second */
  readonly isSettled?: (answer: Recorded) => boolean
  /** @default 16 */
  readonly connections?: number
  /** What our configuration has besides `roots`; by function where files have to be made. @default open to everybody */
  readonly config?: Partial<ServeConfig> | ((context: BenchContext) => Partial<ServeConfig>)
  /** Who answers besides us, `stream` with the file at the path; those that are not installed are left out. */
  readonly peers: readonly ('bare' | 'stream' | 'nginx')[]
  /** The same request to our index over other directories, by name of the contestant. @default none */
  readonly otherTrees?: Readonly<Record<string, TreeOptions>>
  readonly requirements: readonly Requirement[]
  readonly isHeavy?: boolean
  readonly note?: string
}

/** The scenario that this data describes. */
export function httpScenario(data: HttpScenario): Scenario {
  return { ...data, unit: 'requests/s', prepare: (context) => prepare(data, context) }
}

async function prepare(data: HttpScenario, context: BenchContext): Promise<readonly Contestant[]> {
  const contestants: Contestant[] = []
  try {
    for await (const contestant of start(data, context)) contestants.push(contestant)
    return contestants
  } catch (error) {
    for (const { close } of contestants) await close?.()
    throw error
  }
}

async function* start(data: HttpScenario, context: BenchContext): AsyncGenerator<Contestant> {
  const { connections = 16, path, peers, otherTrees = {} } = data
  const directory = makeTree(context.treesFolder, data.tree)
  const config = typeof data.config === 'function' ? data.config(context) : data.config
  const ours = await serveApp({ ...config, roots: directory }, context)
  let headers = data.headers ?? {}
  const contestant = (name: string, { url, pids, stop }: BenchServer): Contestant => ({
    name,
    measure: (seconds) => measureLoad({ url: `${url}${path}`, headers, connections }, pids, seconds),
    close: stop,
  })
  yield contestant('ours', ours)
  headers = await headersOf(data, ours)
  const answer = await record(`${ours.url}${path}`, headers)
  if (peers.includes('bare')) yield contestant('bare', await serveReplay(answer, context))
  if (peers.includes('stream'))
    yield contestant('stream', await serveScript('serve-stream.js', [join(directory, basename(path))]))
  const nginx = peers.includes('nginx') ? await serveNginx(answer, context) : undefined
  if (nginx !== undefined) yield contestant('nginx', nginx)
  for (const [name, tree] of Object.entries(otherTrees)) {
    yield contestant(name, await serveApp({ ...config, roots: makeTree(context.treesFolder, tree) }, context))
  }
  for (const peer of context.peers) yield contestant(peer.name, await servePeer(peer, directory))
}

const settleMs = 1000
const looksAtMost = 600

/** What is sent along; asks until an answer stays, so that what is still being looked into has settled. */
async function headersOf(data: HttpScenario, { url }: BenchServer): Promise<Readonly<Record<string, string>>> {
  const { headers = {}, isRevalidated = false, isSettled = () => true, path, name } = data
  let answer = await record(`${url}${path}`, headers)
  for (let look = 0, isSame = false; look < looksAtMost && !isSame; look += 1) {
    await setTimeout(settleMs)
    const next = await record(`${url}${path}`, headers)
    isSame = next.body.equals(answer.body) && isSettled(next)
    answer = next
  }
  if (answer.status !== 200) throw new Error(`${name}: ${path} is answered with ${answer.status}`)
  return isRevalidated ? { ...headers, 'if-none-match': fieldOf(answer, 'etag') ?? '' } : headers
}
