import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findClients } from '../helpers/python-clients.js'
import { ACCOUNT, type Bench, clientTest } from './client-test.js'

const clients = await findClients()
const poetry = await clients.tool('poetry')
const pip = clients.newestPip()

const PYPROJECT = `[tool.poetry]
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

async function publish(bench: Bench, url: string, password: string): ReturnType<Bench['run']> {
  const project = join(bench.directory, 'project')
  await mkdir(project)
  await writeFile(join(project, 'pyproject.toml'), PYPROJECT)
  await writeFile(join(project, 'demo_poem.py'), 'LINES = 3\n')
  const env = {
    POETRY_REPOSITORIES_DEMO_URL: url,
    POETRY_HTTP_BASIC_DEMO_USERNAME: ACCOUNT.username,
    POETRY_HTTP_BASIC_DEMO_PASSWORD: password,
  }
  return bench.run(poetry, ['publish', '--build', '--no-interaction', '--repository', 'demo'], { cwd: project, env })
}

clientTest([poetry, pip], 'publishes a wheel and an sdist that pip then gets', async (bench) => {
  const url = await bench.serve()
  const { code, output } = await publish(bench, url, ACCOUNT.password)
  assert.equal(code, 0, output)
  const dist = join(bench.directory, 'project', 'dist')
  const built = (await readdir(dist)).sort()
  assert.equal(built.length, 2)
  for (const name of built) {
    const response = await fetch(`${url}packages/${name}`)
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), await readFile(join(dist, name)))
  }
  await bench.succeed(pip, ['install', '--index-url', `${url}simple/`, '--target', 'site', 'demo-poem==1.0'])
  assert.equal(await readFile(join(bench.directory, 'site', 'demo_poem.py'), 'utf8'), 'LINES = 3\n')
})

clientTest([poetry], 'shows 401 for a wrong password', async (bench) => {
  const { code, output } = await publish(bench, await bench.serve(), 'wrong')
  assert.notEqual(code, 0)
  assert.match(output, /\b401\b/)
})
