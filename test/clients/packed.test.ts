import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { wheel } from '../helpers/archives.js'
import { freePort } from '../helpers/free-port.js'
import { type Client, execute, findClients } from '../helpers/python-clients.js'
import { type Bench, clientTest } from './client-test.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const clients = await findClients()
const pip = clients.newestPip()
const npm: Client = { label: 'npm', command: ['npm'] }

/** npm alone keeps the machine's environment: it has to reach the registry that this machine uses. */
async function runNpm(args: readonly string[], cwd: string): Promise<void> {
  // Inside of `npm test` the prefix is inherited: without the option this checkout would be changed.
  const options = args[0] === 'pack' ? [] : ['--prefix', cwd, '--prefer-offline', '--no-audit', '--no-fund']
  const { code, output } = await execute([...npm.command, ...args, ...options], { env: process.env, cwd })
  assert.equal(code, 0, `npm ${args.join(' ')} exited with ${code}:\n${output}`)
}

/** Path of a tarball as it would be published. */
async function packInto(directory: string): Promise<string> {
  // dist is what the other tests ran against; building it again here would change it below them.
  await runNpm(['pack', '--ignore-scripts', '--pack-destination', directory], root)
  const tarball = (await readdir(directory)).find((name) => name.endsWith('.tgz'))
  assert.ok(tarball)
  return join(directory, tarball)
}

/** The path of the command as it is after `npm install` of the packed tarball into an empty project. */
async function installPacked({ directory, write }: Bench): Promise<string> {
  const tarball = await packInto(directory)
  await write({ 'package.json': '{ "private": true }' })
  await runNpm(['install', tarball], directory)
  return join(directory, 'node_modules', '.bin', 'pypi-server')
}

clientTest([npm, pip], 'installs the packed tarball, and pip downloads from its command', async (bench) => {
  const lib = wheel({ name: 'demo-lib', version: '1.0' })
  const url = await bench.serve([lib], { command: [await installPacked(bench)] })
  await bench.succeed(pip, ['download', '--index-url', `${url}simple/`, '--dest', 'got', 'demo-lib'])
  assert.deepEqual(await readFile(join(bench.directory, 'got', lib.filename)), Buffer.from(lib.bytes))
})

/** The part of README about Express: what to type, what to paste, and under which name. */
async function readmeOfExpress(): Promise<{ readonly commands: readonly string[]; readonly program: string }> {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const [, section = ''] = /^In Express 5,([\s\S]*?)^In Koa/m.exec(readme) ?? []
  const [, commands = ''] = /^```sh\n([\s\S]*?)^```/m.exec(section) ?? []
  const [, program = ''] = /^```ts\n([\s\S]*?)^```/m.exec(section) ?? []
  assert.match(section, /`server\.mjs`/)
  return { commands: commands.trimEnd().split('\n'), program }
}

clientTest([npm, pip], 'and a paste of README serve pip from an empty folder, in a minute', async (bench) => {
  const startedMs = performance.now()
  const tarball = await packInto(bench.home)
  const folder = join(bench.directory, 'empty')
  await mkdir(folder)
  const { commands, program } = await readmeOfExpress()
  for (const command of commands) {
    const [tool, ...args] = command.split(' ')
    if (tool === 'npm')
      await runNpm(
        args.map((arg) => (arg === 'pypi-server' ? tarball : arg)),
        folder,
      )
    else assert.equal((await execute([tool ?? '', ...args], { env: process.env, cwd: folder })).code, 0, command)
  }
  const lib = wheel({ name: 'demo-lib', version: '1.0' })
  await bench.write({ 'empty/server.mjs': program, [`empty/packages/${lib.filename}`]: lib.bytes })
  await using server = await startProgram(join(folder, 'server.mjs'), folder)
  const url = `http://localhost:${server.port}/pypi/simple/`
  const output = await bench.succeed(pip, ['install', '--index-url', url, '--target', 'got', 'demo-lib'])
  assert.match(output, /Successfully installed demo-lib-1\.0/)
  assert.ok(performance.now() - startedMs < 60_000, 'README promises a minute')
})

interface Program extends AsyncDisposable {
  readonly port: string
}

/** Starts a program that listens, on a free port in place of its own. */
async function startProgram(path: string, cwd: string): Promise<Program> {
  const child = spawn(process.execPath, ['--import', freePort, path], { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), exited])
  const [, port = ''] = /^port (\d+)$/.exec(String(line)) ?? []
  const end = async (): Promise<void> => {
    child.kill('SIGTERM')
    await exited
  }
  assert.notEqual(port, '', `it listens on no port: ${line}`)
  return { port, [Symbol.asyncDispose]: end }
}
