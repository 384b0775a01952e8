import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createApp } from 'pypi-server'
import { wheel } from '../helpers/archives.js'
import { basic } from '../helpers/index-server.js'
import { findClients } from '../helpers/python-clients.js'
import { ACCOUNT, type Bench, clientTest } from './client-test.js'

const clients = await findClients()
const twine = await clients.tool('twine')
const poetry = await clients.tool('poetry')
const pdm = await clients.tool('pdm')

const pyproject = `[tool.poetry]
name = "demo-poem"
version = "1.0"
description = "A project for a test"
authors = []

[tool.poetry.dependencies]
python = ">=3.7"

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
`
const served = wheel({ name: 'demo-poem', version: '1.0' })
const other = wheel({ name: 'demo-poem', version: '1.0', requiresDist: ['demo-other'] })

/** How each publisher uploads other bytes than the served ones, as a wheel of the same name. */
const publishers = [
  [twine, uploadWithTwine],
  [poetry, publishWithPoetry],
  [pdm, publishWithPdm],
] as const

async function uploadWithTwine(bench: Bench, url: string): ReturnType<Bench['run']> {
  await bench.write({ [other.filename]: other.bytes })
  const login = ['--username', ACCOUNT.username, '--password', ACCOUNT.password]
  const options = ['--non-interactive', '--disable-progress-bar', '--repository-url', url, ...login]
  return bench.run(twine, ['upload', ...options, other.filename])
}

async function publishWithPoetry(bench: Bench, url: string): ReturnType<Bench['run']> {
  const cwd = join(bench.directory, 'project')
  await mkdir(cwd)
  await writeFile(join(cwd, 'pyproject.toml'), pyproject)
  await writeFile(join(cwd, 'demo_poem.py'), 'LINES = 3\n')
  await bench.succeed(poetry, ['build', '--no-interaction', '--format', 'wheel'], { cwd })
  const env = {
    POETRY_REPOSITORIES_DEMO_URL: url,
    POETRY_HTTP_BASIC_DEMO_USERNAME: ACCOUNT.username,
    POETRY_HTTP_BASIC_DEMO_PASSWORD: ACCOUNT.password,
  }
  return bench.run(poetry, ['publish', '--no-interaction', '--repository', 'demo'], { cwd, env })
}

async function publishWithPdm(bench: Bench, url: string): ReturnType<Bench['run']> {
  const cwd = join(bench.directory, 'project')
  await mkdir(join(cwd, 'dist'), { recursive: true })
  await writeFile(join(cwd, 'pyproject.toml'), '[project]\nname = "demo-poem"\nversion = "1.0"\n')
  await writeFile(join(cwd, 'dist', other.filename), other.bytes)
  const login = ['--username', ACCOUNT.username, '--password', ACCOUNT.password]
  const env = { PDM_CHECK_UPDATE: 'false' }
  return bench.run(pdm, ['publish', '--no-build', '--repository', url, ...login], { cwd, env })
}

clientTest([pdm], 'may upload the same file a second time', async (bench) => {
  const url = await bench.serve([other])
  const { code, output } = await publishWithPdm(bench, url)
  assert.equal(code, 0, output)
})

for (const [client, upload] of publishers) {
  clientTest([client], 'shows that a name is taken by other bytes', async (bench) => {
    const { code, output } = await upload(bench, await bench.serve([served]))
    assert.notEqual(code, 0, output)
    assert.match(output, /File already exists: demo_poem-1\.0-py3-none-any\.whl has other bytes/)
  })

  clientTest([client], 'shows that a project is archived and takes no uploads', async (bench) => {
    const url = await bench.serve([wheel({ name: 'demo-poem', version: '0.9' })])
    const response = await fetch(`${url}api/projects/demo-poem/status`, {
      method: 'PUT',
      headers: basic(ACCOUNT.username, ACCOUNT.password),
      body: JSON.stringify({ status: 'archived' }),
    })
    assert.equal(response.status, 200, await response.text())
    const { code, output } = await upload(bench, url)
    assert.notEqual(code, 0, output)
    assert.match(output, /403\b[\s\S]*project demo-poem is archived and takes no uploads/)
  })

  clientTest([client], 'shows who may not do what, to a login without permission', async (bench) => {
    await withoutPermission(bench, async (url) => {
      const { code, output } = await upload(bench, url)
      assert.notEqual(code, 0, output)
      assert.match(output, /403\b[\s\S]*ann may not upload demo-poem/)
    })
  })
}

/** Serves, as long as `use` takes, an index that lets its one user do nothing with demo-poem. */
async function withoutPermission({ directory }: Bench, use: (url: string) => Promise<void>): Promise<void> {
  const app = createApp({
    roots: directory,
    auther: (username, password) => username === ACCOUNT.username && password === ACCOUNT.password,
    authorizer: (_, { project }) => project !== 'demo-poem',
  })
  const server = createServer(app).listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  } finally {
    server.closeAllConnections()
    server.close()
    await app.close()
  }
}
