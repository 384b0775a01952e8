import assert from 'node:assert/strict'
import { wheel } from '../helpers/archives.js'
import { findClients } from '../helpers/python-clients.js'
import { clientTest } from './client-test.js'

const served = [
  wheel({ name: 'demo-app', version: '1.9' }),
  wheel({ name: 'demo-app', version: '1.10' }),
  wheel({ name: 'demo-app', version: '2.0rc1' }),
  wheel({ name: 'other', version: '1.0' }),
]

const clients = await findClients()
for (const version of ['18.1', '23.0', '26.2']) {
  const pip = await clients.pip(version)

  for (const path of ['RPC2', 'pypi']) {
    clientTest([pip], `finds a project at ${path} by a part of its name`, async (bench) => {
      const url = await bench.serve(served)
      const output = await bench.succeed(pip, ['search', '--index', `${url}${path}`, 'Demo.A'])
      assert.match(output, /^demo_app \(1\.10\) +- 1\.10$/m)
      assert.doesNotMatch(output, /other/)
    })
  }

  clientTest([pip], 'finds the projects of several terms', async (bench) => {
    const url = await bench.serve(served)
    const output = await bench.succeed(pip, ['search', '--index', `${url}pypi`, 'other', 'demo'])
    assert.deepEqual(output.match(/^\S+ \(\S+\)/gm), ['other (1.0)', 'demo_app (1.10)'])
  })

  clientTest([pip], 'finds nothing and says so', async (bench) => {
    const url = await bench.serve(served)
    const { code } = await bench.run(pip, ['search', '--index', `${url}pypi`, 'nothing'])
    assert.equal(code, 23)
  })
}
