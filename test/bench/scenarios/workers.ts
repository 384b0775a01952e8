import { fileURLToPath } from 'node:url'
import { measureLoad } from '../load.js'
import { record } from '../recorded.js'
import type { BenchContext, Contestant, Scenario } from '../scenario.js'
import { type BenchServer, servePeer, serveReplay } from '../servers.js'
import { makeTree } from '../tree.js'

const main = fileURLToPath(new URL('../../../../dist/cli/main.js', import.meta.url))
const path = 'simple/large/'
const headers = { accept: 'text/html', 'accept-encoding': 'identity' }

function contestant(name: string, { url, pids, stop }: BenchServer): Contestant {
  return {
    name,
    measure: (seconds) => measureLoad({ url: `${url}${path}`, headers, connections: 16 }, pids, seconds),
    close: stop,
  }
}

async function prepare(context: BenchContext): Promise<readonly Contestant[]> {
  const directory = makeTree(context.treesFolder, { files: 10_000, exactly: { small: 20, large: 1000 } })
  const serve = (workers: number): Promise<BenchServer> => {
    const args = `run -p {port} -i 127.0.0.1 --log-stream none --workers ${workers} {directory}`
    return servePeer({ name: `${workers} workers`, command: `${process.execPath} ${main} ${args}` }, directory)
  }
  const two = await serve(2)
  const one = await serve(1)
  await record(`${two.url}${path}`, headers)
  const bare = await serveReplay(await record(`${one.url}${path}`, headers), context)
  return [contestant('ours', two), contestant('one process', one), contestant('bare', bare)]
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'workers',
    title: 'project page of 1,000 files, not packed, from the command with two workers',
    unit: 'requests/s',
    requirements: [],
    note: 'one process is the same command without workers; the load needs a processor, too.',
    prepare,
  },
]
