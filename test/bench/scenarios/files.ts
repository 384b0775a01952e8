import { type HttpScenario, httpScenario } from '../http-scenario.js'
import type { Scenario } from '../scenario.js'

/** A wheel out of memory, as a bare server has it from the start; `.metadata` is among the pages. */
const smallWheel = (connections: number): HttpScenario => ({
  name: `files-small-${connections}`,
  title: `small wheel that was served before, ${connections === 1 ? 'one connection' : `${connections} connections`}`,
  tree: { files: 200, exactly: { small: 20 } },
  path: 'packages/small-1.0-py3-none-any.whl',
  connections,
  peers: ['bare', 'stream', 'nginx'],
  requirements: [
    { against: 'bare', atLeast: 0.9 },
    { against: 'stream', atLeast: 2 },
  ],
  note: '`bare` has the bytes in memory and never looks at the file. Ours looks at it (`stat`) once in each turn of the event loop, so that nothing outdated is ever sent: with one connection that is once for each request. `stream` is `createReadStream`.',
})

export const scenarios: readonly Scenario[] = [1, 16].map(smallWheel).map(httpScenario)
