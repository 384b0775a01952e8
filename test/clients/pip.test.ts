import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type WheelOptions, wheel } from '../helpers/archives.js'
import { findClients } from '../helpers/python-clients.js'
import { clientTest, type ServedFile } from './client-test.js'

const VERSIONS = ['18.1', '19.2', '22.0', '23.0', '23.2', '24.2', '26.2']

/** For Python 2 too: one of the oldest pips comes with it. */
function universalWheel(options: WheelOptions): ServedFile {
  return wheel({ ...options, tag: 'py2.py3-none-any' })
}

const app = universalWheel({ name: 'demo-app', version: '1.0', requiresDist: ['demo-lib>=1.1'] })
const lib = universalWheel({ name: 'demo-lib', version: '1.10' })
const future = universalWheel({ name: 'demo-lib', version: '99.0', requiresPython: '>=99' })
const served = [
  app,
  lib,
  universalWheel({ name: 'demo-lib', version: '1.0' }),
  universalWheel({ name: 'demo-lib', version: '1.9' }),
]

const clients = await findClients()
for (const version of VERSIONS) {
  const pip = await clients.pip(version)

  clientTest([pip], 'downloads a project and the newest release of its dependency', async (bench) => {
    const url = await bench.serve(served)
    await bench.succeed(pip, ['download', '--index-url', `${url}simple/`, '--dest', 'got', 'demo-app'])
    const got = join(bench.directory, 'got')
    assert.deepEqual((await readdir(got)).sort(), [app.filename, lib.filename])
    assert.deepEqual(await readFile(join(got, app.filename)), Buffer.from(app.bytes))
    assert.deepEqual(await readFile(join(got, lib.filename)), Buffer.from(lib.bytes))
  })

  clientTest([pip], 'installs a project together with its dependency', async (bench) => {
    const url = await bench.serve(served)
    await bench.succeed(pip, ['install', '--index-url', `${url}simple/`, '--target', 'site', 'Demo.App==1.0'])
    const installed = (await readdir(join(bench.directory, 'site'))).filter((name) => name.endsWith('.dist-info'))
    assert.deepEqual(installed.sort(), ['demo_app-1.0.dist-info', 'demo_lib-1.10.dist-info'])
  })

  clientTest([pip], 'does not even download a release that requires another Python', async (bench) => {
    const url = await bench.serve([lib, future])
    const args = ['download', '--index-url', `${url}simple/`, '--dest', 'got', 'demo-lib']
    const output = await bench.succeed(pip, args)
    assert.deepEqual(await readdir(join(bench.directory, 'got')), [lib.filename])
    assert.doesNotMatch(output, /Downloading \S*99\.0/)
  })

  clientTest([pip], 'is told that there is no project of an unknown name', async (bench) => {
    const url = await bench.serve(served)
    const args = ['download', '--index-url', `${url}simple/`, '--dest', 'got', 'demo-nothing']
    const { code, output } = await bench.run(pip, args)
    assert.notEqual(code, 0)
    assert.match(output, /No matching distribution found for demo-nothing/)
  })
}
