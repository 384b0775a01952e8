import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sdist, wheel } from '../helpers/archives.js'
import { findClients } from '../helpers/python-clients.js'
import { ACCOUNT, clientTest } from './client-test.js'

const clients = await findClients()
const twine = await clients.tool('twine')
const pip = clients.newestPip()

const built = wheel({ name: 'demo-lib', version: '1.0' })
const source = sdist({ name: 'demo-lib', version: '1.0' })

function uploadTo(url: string, password: string, ...files: readonly string[]): readonly string[] {
  const login = ['--username', ACCOUNT.username, '--password', password]
  return ['upload', '--non-interactive', '--disable-progress-bar', '--repository-url', url, ...login, ...files]
}

clientTest([twine, pip], 'uploads a wheel and an sdist that pip then gets', async (bench) => {
  const url = await bench.serve()
  await bench.write({ [built.filename]: built.bytes, [source.filename]: source.bytes })
  await bench.succeed(twine, uploadTo(url, ACCOUNT.password, built.filename, source.filename))
  await bench.succeed(pip, ['download', '--index-url', `${url}simple/`, '--dest', 'got', 'demo-lib'])
  assert.deepEqual(await readFile(join(bench.directory, 'got', built.filename)), Buffer.from(built.bytes))
  const response = await fetch(`${url}packages/${source.filename}`)
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(source.bytes))
  await bench.succeed(pip, ['install', '--index-url', `${url}simple/`, '--target', 'site', 'demo-lib==1.0'])
})

clientTest([twine], 'may upload the same file a second time', async (bench) => {
  const url = await bench.serve()
  await bench.write({ [built.filename]: built.bytes })
  await bench.succeed(twine, uploadTo(url, ACCOUNT.password, built.filename))
  await bench.succeed(twine, uploadTo(url, ACCOUNT.password, built.filename))
})

clientTest([twine], 'shows «File already exists» for other content under a name that is taken', async (bench) => {
  const url = await bench.serve([built])
  const other = wheel({ name: 'demo-lib', version: '1.0', requiresDist: ['demo-other'] })
  await bench.write({ [other.filename]: other.bytes })
  const { code, output } = await bench.run(twine, uploadTo(url, ACCOUNT.password, other.filename))
  assert.notEqual(code, 0)
  assert.match(output, /File already exists/)
  const response = await fetch(`${url}packages/${built.filename}`)
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(built.bytes))
})

clientTest([twine], 'may register a file first, which changes nothing', async (bench) => {
  const url = await bench.serve()
  await bench.write({ [built.filename]: built.bytes })
  const login = ['--username', ACCOUNT.username, '--password', ACCOUNT.password]
  await bench.succeed(twine, ['register', '--non-interactive', '--repository-url', url, ...login, built.filename])
  assert.equal((await fetch(`${url}simple/demo-lib/`)).status, 404)
})

clientTest([twine], 'shows 401 for a wrong password, and nothing is stored', async (bench) => {
  const url = await bench.serve()
  await bench.write({ [built.filename]: built.bytes })
  const { code, output } = await bench.run(twine, uploadTo(url, 'wrong', built.filename))
  assert.notEqual(code, 0)
  assert.match(output, /\b401\b/)
  assert.equal((await fetch(`${url}packages/${built.filename}`)).status, 404)
})

clientTest([twine], 'uploads with --skip-existing past a file of other content', async (bench) => {
  const url = await bench.serve([built])
  const other = wheel({ name: 'demo-lib', version: '1.0', requiresDist: ['demo-other'] })
  await bench.write({ [other.filename]: other.bytes, [source.filename]: source.bytes })
  const [command = '', ...rest] = uploadTo(url, ACCOUNT.password, other.filename, source.filename)
  await bench.succeed(twine, [command, '--skip-existing', ...rest])
  assert.equal((await fetch(`${url}packages/${source.filename}`)).status, 200)
})
