import { type HttpScenario, httpScenario } from '../http-scenario.js'
import type { Scenario } from '../scenario.js'

/** A wheel out of memory, as a bare server has it from the start; `.metadata` is among the pages. */
const smallWheel = (connections: number): HttpScenario => ({
  name: `files-small-${connections}`,
  title: `small wheel that was served before, ${connections === 1 ? 'one connection' : `${connections} connections`}`,
  tree: { files: 200, exactly: { small: 20 } },
  path: 'packages/small-1.0-py3-none-any.whl',
  connections,
  peers: ['bare', 'nginx'],
  requirements: [{ against: 'bare', atLeast: 0.9 }],
})

export const scenarios: readonly Scenario[] = [1, 16].map(smallWheel).map(httpScenario)
