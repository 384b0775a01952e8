// npm run bench [-- scenario…]: measures us and others in turn and prints what came out; see docs/performance.md.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Result, runScenario } from './measure.js'
import { circumstances, keepResult, resultTable, writeDocument } from './report.js'
import { allScenarios, type Peer, type Scenario } from './scenario.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const resultsFolder = join(root, 'test', 'bench', 'results')
const usage = `usage: npm run bench -- [options] [scenario…]

Scenarios are named by their beginning; without any, all are run but for the heavy ones and the micro-suite.

  --list                     tell which scenarios there are
  --rounds N                 rounds that count, after one to warm up (default 5)
  --seconds N                length of each contestant's turn in a round (default 2)
  --peer NAME=URL            another index that serves the same files
  --command 'NAME=COMMAND'   the same, started here; {port} and {directory} are filled in
  --trees DIR                where directories of files are made and kept (default .build/bench)
  --json FILE                write the results as JSON
  --profile DIR              leave processor profiles of our server
  --save                     keep the results in test/bench/results and write docs/performance.md
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    help: { type: 'boolean' },
    list: { type: 'boolean' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    peer: { type: 'string', multiple: true, default: [] },
    command: { type: 'string', multiple: true, default: [] },
    trees: { type: 'string', default: join(root, '.build', 'bench') },
    json: { type: 'string' },
    profile: { type: 'string' },
    save: { type: 'boolean', default: false },
  },
})

function isWanted({ name, isHeavy = false }: Scenario): boolean {
  if (positionals.length > 0) return positionals.some((wanted) => name.startsWith(wanted))
  return !isHeavy && !name.startsWith('micro-')
}

function peers(): readonly Peer[] {
  const pair = (text: string): readonly [string, string] => {
    const at = text.indexOf('=')
    return [text.slice(0, at), text.slice(at + 1)]
  }
  return [
    ...values.peer.map(pair).map(([name, url]) => ({ name, url })),
    ...values.command.map(pair).map(([name, command]) => ({ name, command })),
  ]
}

async function main(): Promise<void> {
  const wanted = (await allScenarios()).filter(isWanted)
  if (values.help || values.list || wanted.length === 0) {
    const lines = (await allScenarios()).map(({ name, title }) => `${name.padEnd(28)} ${title}\n`)
    process.stdout.write(values.list ? lines.join('') : usage)
    process.exitCode = values.help || values.list ? 0 : 1
    return
  }
  const effort = { rounds: Number(values.rounds), seconds: Number(values.seconds) }
  const scratchFolder = mkdtempSync(join(tmpdir(), 'pypi-server-bench-'))
  mkdirSync(values.trees, { recursive: true })
  const context = { treesFolder: values.trees, scratchFolder, peers: peers(), profileFolder: values.profile }
  const results: Result[] = []
  try {
    for (const scenario of wanted) {
      const result = await runScenario(scenario, context, effort)
      process.stdout.write(`${resultTable(result)}\n`)
      results.push(result)
      if (values.save) keepResult(resultsFolder, { ...result, circumstances: circumstances(effort) })
    }
  } finally {
    rmSync(scratchFolder, { recursive: true, force: true })
  }
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ ...circumstances(effort), results }))
  if (values.save) writeDocument(join(root, 'docs', 'performance.md'), resultsFolder)
}

await main()
