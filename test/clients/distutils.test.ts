import assert from 'node:assert/strict'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findClients } from '../helpers/python-clients.js'
import { ACCOUNT, type Bench, clientTest } from './client-test.js'

/** Neither setuptools nor wheel: the upload form as it was before twine. */
const SETUP = `from distutils.core import setup
setup(name="demo-legacy", version="1.0", description="A project for a test", py_modules=["demo_legacy"])
`

async function writeProject(bench: Bench, url: string, password: string): Promise<string> {
  const project = join(bench.directory, 'project')
  await mkdir(project)
  await writeFile(join(project, 'setup.py'), SETUP)
  await writeFile(join(project, 'demo_legacy.py'), 'AGE = 20\n')
  const section = `[demo]\nrepository: ${url}\nusername: ${ACCOUNT.username}\npassword: ${password}\n`
  await writeFile(join(bench.home, '.pypirc'), `[distutils]\nindex-servers =\n    demo\n\n${section}`)
  return project
}

const clients = await findClients()
for (const python of ['2.7', '3.6']) {
  const distutils = await clients.distutils(python)
  const upload = ['setup.py', 'sdist', '--formats=gztar', 'upload', '--repository', 'demo']

  clientTest([distutils], 'uploads an sdist that its pip then installs', async (bench) => {
    const url = await bench.serve()
    const cwd = await writeProject(bench, url, ACCOUNT.password)
    const output = await bench.succeed(distutils, upload, { cwd })
    assert.match(output, /Server response \(200\)/)
    const sent = await readFile(join(cwd, 'dist', 'demo-legacy-1.0.tar.gz'))
    const response = await fetch(`${url}packages/demo-legacy-1.0.tar.gz`)
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), sent)
    const install = ['install', '--index-url', `${url}simple/`, '--target', 'site', 'demo-legacy']
    await bench.succeed(distutils, ['-m', 'pip', '--no-cache-dir', ...install])
    assert.equal(await readFile(join(bench.directory, 'site', 'demo_legacy.py'), 'utf8'), 'AGE = 20\n')
  })

  clientTest([distutils], 'shows 401 for a wrong password', async (bench) => {
    const cwd = await writeProject(bench, await bench.serve(), 'wrong')
    const { output } = await bench.run(distutils, upload, { cwd })
    assert.match(output, /Upload failed \(401\)/)
  })
}
