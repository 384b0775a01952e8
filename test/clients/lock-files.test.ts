import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { wheel } from '../helpers/archives.js'
import { findClients } from '../helpers/python-clients.js'
import { type Bench, clientTest } from './client-test.js'

const clients = await findClients()
const poetry = await clients.tool('poetry')
const pdm = await clients.tool('pdm')

const app = wheel({ name: 'demo-app', version: '1.0', requiresDist: ['demo-lib>=1.1'] })
const lib = wheel({ name: 'demo-lib', version: '1.10' })
const served = [app, lib, wheel({ name: 'demo-lib', version: '1.0' }), wheel({ name: 'demo-lib', version: '1.9' })]

async function project(bench: Bench, pyproject: string): Promise<string> {
  const cwd = join(bench.directory, 'project')
  await mkdir(cwd)
  await writeFile(join(cwd, 'pyproject.toml'), pyproject)
  return cwd
}

/** The names of what was installed below a folder, sorted. */
async function installedIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true })
  const folders = entries.map((entry) => entry.slice(entry.lastIndexOf('/') + 1))
  return folders.filter((name) => /^demo_.*\.dist-info$/.test(name)).sort()
}

clientTest(
  [poetry],
  'locks a project and its dependency with their digests, and installs what it locked',
  async (bench) => {
    const url = await bench.serve(served)
    const cwd = await project(
      bench,
      `[tool.poetry]
name = "demo-user"
version = "1.0"
description = "A project for a test"
authors = []

[tool.poetry.dependencies]
python = ">=3.7"
demo-app = "*"

[[tool.poetry.source]]
name = "demo"
url = "${url}simple/"
default = true
`,
    )
    const env = { POETRY_VIRTUALENVS_CREATE: 'true', POETRY_VIRTUALENVS_IN_PROJECT: 'true' }
    await bench.succeed(poetry, ['lock', '--no-interaction'], { cwd, env })
    const lock = await readFile(join(cwd, 'poetry.lock'), 'utf8')
    for (const { filename } of [app, lib]) {
      const digest = /sha256=([0-9a-f]{64})/.exec(await pageLine(url, filename))?.[1]
      assert.match(lock, new RegExp(`file = "${filename}", hash = "sha256:${digest}"`))
    }
    await bench.succeed(poetry, ['install', '--no-root', '--no-interaction'], { cwd, env })
    assert.deepEqual(await installedIn(join(cwd, '.venv')), ['demo_app-1.0.dist-info', 'demo_lib-1.10.dist-info'])
  },
)

clientTest(
  [pdm],
  'locks a project and its dependency with their digests, and installs what it locked',
  async (bench) => {
    const url = await bench.serve(served)
    const cwd = await project(
      bench,
      `[project]
name = "demo-user"
version = "1.0"
requires-python = ">=3.7"
dependencies = ["demo-app"]

[[tool.pdm.source]]
name = "pypi"
url = "${url}simple/"
verify_ssl = true
`,
    )
    // Before anything else it would ask the world for newer versions of itself.
    const options = { cwd, env: { PDM_CHECK_UPDATE: 'false', PDM_USE_VENV: 'false' } }
    await bench.succeed(pdm, ['use', '--first', '-f', 'python3'], options)
    await bench.succeed(pdm, ['lock'], options)
    const lock = await readFile(join(cwd, 'pdm.lock'), 'utf8')
    for (const { filename } of [app, lib]) {
      const digest = /sha256=([0-9a-f]{64})/.exec(await pageLine(url, filename))?.[1]
      assert.match(lock, new RegExp(`${filename}[^\\n]*sha256:${digest}`))
    }
    await bench.succeed(pdm, ['install', '--no-self', '--no-lock'], options)
    const installed = await installedIn(join(cwd, '__pypackages__'))
    assert.deepEqual(installed, ['demo_app-1.0.dist-info', 'demo_lib-1.10.dist-info'])
  },
)

/** The line of a file on its project's page. */
async function pageLine(url: string, filename: string): Promise<string> {
  const name = filename.slice(0, filename.indexOf('-')).replaceAll('_', '-')
  const page = await (await fetch(`${url}simple/${name}/`)).text()
  return page.split('\n').find((line) => line.includes(`>${filename}<`)) ?? ''
}
