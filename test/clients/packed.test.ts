import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { wheel } from '../helpers/archives.js'
import { type Client, execute, findClients } from '../helpers/python-clients.js'
import { type Bench, clientTest } from './client-test.js'

const clients = await findClients()
const pip = clients.newestPip()
const npm: Client = { label: 'npm', command: ['npm'] }

/** npm alone keeps the machine's environment: it has to reach the registry that this machine uses. */
async function runNpm(args: readonly string[], cwd: string): Promise<void> {
  const { code, output } = await execute([...npm.command, ...args], { env: process.env, cwd })
  assert.equal(code, 0, `npm ${args.join(' ')} exited with ${code}:\n${output}`)
}

/** The path of the command as it is after `npm install` of the packed tarball into an empty project. */
async function installPacked({ directory, write }: Bench): Promise<string> {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  // dist is what the other tests ran against; building it again here would change it below them.
  await runNpm(['pack', '--ignore-scripts', '--pack-destination', directory], root)
  const tarball = (await readdir(directory)).find((name) => name.endsWith('.tgz')) ?? 'no tarball'
  await write({ 'package.json': '{ "private": true }' })
  // Inside of `npm test` the prefix is inherited: without the option this checkout would be changed.
  await runNpm(['install', '--no-audit', '--no-fund', '--prefix', directory, join(directory, tarball)], directory)
  return join(directory, 'node_modules', '.bin', 'pypi-server')
}

clientTest([npm, pip], 'installs the packed tarball, and pip downloads from its command', async (bench) => {
  const lib = wheel({ name: 'demo-lib', version: '1.0' })
  const url = await bench.serve([lib], { command: [await installPacked(bench)] })
  await bench.succeed(pip, ['download', '--index-url', `${url}simple/`, '--dest', 'got', 'demo-lib'])
  assert.deepEqual(await readFile(join(bench.directory, 'got', lib.filename)), Buffer.from(lib.bytes))
})
