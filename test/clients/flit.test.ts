import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findClients } from '../helpers/python-clients.js'
import { ACCOUNT, type Bench, clientTest } from './client-test.js'

const clients = await findClients()
const flit = await clients.tool('flit')
const pip = clients.newestPip()

const PYPROJECT = `[build-system]
requires = ["flit_core >=3.2,<4"]
build-backend = "flit_core.buildapi"

[project]
name = "demo_flit"
authors = [{name = "Ann"}]
requires-python = ">=3.7"
dynamic = ["version", "description"]
`

async function publish(bench: Bench, url: string, password: string): ReturnType<Bench['run']> {
  const project = join(bench.directory, 'project')
  await mkdir(project)
  await writeFile(join(project, 'pyproject.toml'), PYPROJECT)
  await writeFile(join(project, 'demo_flit.py'), '"""A project for a test"""\n__version__ = "1.0"\n')
  const env = { FLIT_INDEX_URL: url, FLIT_USERNAME: ACCOUNT.username, FLIT_PASSWORD: password }
  return bench.run(flit, ['publish'], { cwd: project, env })
}

clientTest([flit, pip], 'publishes a wheel and an sdist that pip then gets', async (bench) => {
  const url = await bench.serve()
  const { code, output } = await publish(bench, url, ACCOUNT.password)
  assert.equal(code, 0, output)
  const dist = join(bench.directory, 'project', 'dist')
  const built = (await readdir(dist)).sort()
  assert.deepEqual(built, ['demo_flit-1.0-py3-none-any.whl', 'demo_flit-1.0.tar.gz'])
  for (const name of built) {
    const response = await fetch(`${url}packages/${name}`)
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), await readFile(join(dist, name)))
  }
  await bench.succeed(pip, ['install', '--index-url', `${url}simple/`, '--target', 'site', 'demo-flit==1.0'])
  assert.match(await readFile(join(bench.directory, 'site', 'demo_flit.py'), 'utf8'), /A project for a test/)
})

clientTest([flit], 'shows 401 for a wrong password', async (bench) => {
  const { code, output } = await publish(bench, await bench.serve(), 'wrong')
  assert.notEqual(code, 0)
  assert.match(output, /\b401\b/)
})
