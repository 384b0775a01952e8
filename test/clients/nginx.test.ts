import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { sdist, wheel } from '../helpers/archives.js'
import { nginx, startNginx } from '../helpers/front-servers.js'
import { execute, findClients, isolatedEnv } from '../helpers/python-clients.js'
import { startServer } from '../helpers/server.js'
import { temporaryDirectory } from '../helpers/temporary.js'
import { unusedPort } from '../helpers/unused-port.js'

const clients = await findClients()
const pip = clients.newestPip()
const twine = await clients.tool('twine')
const missing = [nginx.missing ?? '', pip.missing ?? '', twine.missing ?? '']
const reason = missing.filter((text) => text !== '').join('; ')

const app = wheel({ name: 'demo-app', version: '1.0', requiresDist: ['demo-lib'] })
const library = sdist({ name: 'demo-lib', version: '1.0' })
const built = wheel({ name: 'demo-lib', version: '1.0' })

/** The two ways in which people put pypiserver behind nginx below a path. */
const recipes = {
  'a location that strips its prefix and says nothing': (upstream: string) => `
    location /pypi/ { proxy_pass ${upstream}; }`,
  "the prefix in X-Forwarded-Host, as pypiserver's documentation has it": (upstream: string) => `
    location /pypi/ {
      rewrite /pypi/(.*) /$1 break;
      proxy_set_header X-Forwarded-Host $http_host/pypi;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_pass ${upstream.replace(/\/$/, '')};
    }`,
} as const

for (const [name, recipe] of Object.entries(recipes)) {
  test(`pip and twine work through nginx with ${name}`, {
    skip: reason !== '' && !process.env['CI'] && reason,
  }, async (t) => {
    assert.equal(reason, '', reason)
    const [root, work] = [temporaryDirectory(t), temporaryDirectory(t)]
    writeFileSync(join(root, app.filename), app.bytes)
    const server = await startServer({ directory: root, args: ['-P', '.', '-a', '.'] })
    t.after(() => server.stop())
    const port = await unusedPort()
    const http = `client_max_body_size 100m; server { listen 127.0.0.1:${port}; ${recipe(server.url)} }`
    const index = `${await startNginx(t, http, port)}/pypi/`
    mkdirSync(join(work, 'dist'))
    for (const file of [library, built]) writeFileSync(join(work, 'dist', file.filename), file.bytes)
    const run = async (command: readonly string[]): Promise<void> => {
      const { code, output } = await execute(command, { cwd: work, env: isolatedEnv(work) })
      assert.equal(code, 0, output)
    }
    const files = [library, built].map(({ filename }) => join('dist', filename))
    await run([
      ...twine.command,
      'upload',
      '--non-interactive',
      '-u',
      'a',
      '-p',
      'a',
      '--repository-url',
      index,
      ...files,
    ])
    await run([...pip.command, 'install', '--index-url', `${index}simple/`, '--target', 'site', 'Demo.App'])
    await run([...pip.command, 'download', '--index-url', index, '--no-deps', '--dest', 'got', 'demo_app'])
    const { releases } = (await (await fetch(`${index}demo-app/json`)).json()) as {
      releases: Record<string, { url: string }[]>
    }
    if (name.includes('Forwarded')) assert.equal(releases['1.0']?.[0]?.url, `${index}packages/${app.filename}`)
  })
}
