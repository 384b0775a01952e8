import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sdist, wheel } from '../helpers/archives.js'
import { apache, nginx, startApache, startNginx } from '../helpers/front-servers.js'
import { findClients } from '../helpers/python-clients.js'
import { unusedPort } from '../helpers/unused-port.js'
import { ACCOUNT, clientTest } from './client-test.js'

const clients = await findClients()
const pip = clients.newestPip()
const twine = await clients.tool('twine')
const app = wheel({ name: 'demo-app', version: '1.0', requiresDist: ['demo-lib'] })
const large = wheel({
  name: 'demo-lib',
  version: '1.0',
  method: 'stored',
  files: { 'demo_lib/data': Buffer.alloc(3_000_000, 'x') },
})
const source = sdist({ name: 'demo-lib', version: '1.0' })

for (const { front, file, start } of [
  { front: nginx, file: 'nginx.conf', start: startNginx },
  { front: apache, file: 'apache.conf', start: startApache },
]) {
  clientTest([pip, twine, front], `installs, and twine uploads, through examples/deploy/${file}`, async (bench, t) => {
    const { directory, write, serve, succeed } = bench
    const url = await serve([app])
    const port = await unusedPort()
    const shown = readFileSync(new URL(`../../../examples/deploy/${file}`, import.meta.url), 'utf8')
    const own = shown
      .replaceAll('127.0.0.1:8080', new URL(url).host)
      .replaceAll('listen 80;', `listen 127.0.0.1:${port};`)
    const index = `${await start(t, own.replaceAll('*:80>', `*:${port}>`), port)}/`
    await write({ [large.filename]: large.bytes, [source.filename]: source.bytes })
    const { username, password } = ACCOUNT
    const login = ['--username', username, '--password', password, '--non-interactive', '--repository-url', index]
    await succeed(twine, ['upload', ...login, large.filename, source.filename])
    await succeed(pip, ['install', '--index-url', `${index}simple/`, '--target', 'site', 'Demo.App'])
    assert.equal((await readFile(join(directory, 'site/demo_lib/data'))).length, 3_000_000)
    const project = await fetch(`${index}demo-app/json`, { headers: { 'x-forwarded-host': 'elsewhere.example' } })
    const { releases } = (await project.json()) as { readonly releases: Readonly<Record<string, { url: string }[]>> }
    assert.equal(releases['1.0']?.[0]?.url, `${index}packages/${app.filename}`)
  })
}
