import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { wheel } from '../helpers/archives.js'
import { findClients } from '../helpers/python-clients.js'
import { clientTest } from './client-test.js'

const clients = await findClients()
const library = wheel({ name: 'demo-lib', version: '1.0', tag: 'py2.py3-none-any' })
const app = wheel({ name: 'demo-app', version: '1.0', tag: 'py2.py3-none-any', requiresDist: ['demo-lib'] })

for (const python of ['2.7', '3.6']) {
  const client = await clients.easyInstall(python)

  clientTest([client], 'installs a project by its unnormalized name, with its dependency', async (bench) => {
    const url = await bench.serve([library, app])
    const site = join(bench.directory, 'site')
    await mkdir(site)
    const args = ['--index-url', `${url}simple/`, '--install-dir', site, 'Demo_App']
    await bench.succeed(client, args, { env: { PYTHONPATH: site } })
    const installed = (await readdir(site)).filter((name) => name.endsWith('.egg'))
    assert.equal(installed.length, 2, installed.join())
    assert.ok(installed.every((name) => existsSync(join(site, name))))
  })
}
