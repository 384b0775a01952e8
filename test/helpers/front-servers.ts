import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { eventually } from './eventually.js'
import type { Client } from './python-clients.js'
import { temporaryDirectory } from './temporary.js'

const root = process.getuid?.() === 0

function program(label: string, argument: string, debianPackage: string): Client {
  const isHere = spawnSync(label, [argument]).error === undefined
  return isHere
    ? { label, command: [label] }
    : { label, command: [], missing: `${label} is not here: apt-get install ${debianPackage}` }
}

/** nginx of this machine. */
export const nginx = program('nginx', '-v', 'nginx-light')
/** Apache of this machine. */
export const apache = program('apache2', '-v', 'apache2-bin')

/** Starts nginx with this inside of its `http` block until the test ends; tells the origin, which is at this port. */
export async function startNginx(t: TestContext, http: string, port: number): Promise<string> {
  const folder = temporaryDirectory(t)
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const paths = kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`)
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; pid ${folder}/pid; error_log stderr crit; worker_processes 1; ${root ? 'user root;' : ''}
     events { worker_connections 64; }
     http { access_log off; ${paths.join(' ')} ${http} }`,
  )
  return await startFront(t, ['nginx', '-p', folder, '-c', join(folder, 'nginx.conf')], ['-t'], port)
}

const modulesFolder = '/usr/lib/apache2/modules'
const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'headers']

/** Starts Apache with this virtual host, which listens at this port, until the test ends; tells the origin. */
export async function startApache(t: TestContext, host: string, port: number): Promise<string> {
  const folder = temporaryDirectory(t)
  mkdirSync(join(folder, 'run'))
  const loaded = modules.filter((name) => existsSync(`${modulesFolder}/mod_${name}.so`))
  assert.deepEqual(loaded, modules)
  const lines = [
    `ServerRoot ${folder}`,
    `PidFile ${folder}/run/pid`,
    `DefaultRuntimeDir ${folder}/run`,
    `ErrorLog ${folder}/error.log`,
    'ServerName localhost',
    `Listen 127.0.0.1:${port}`,
    ...(root ? ['User www-data', 'Group www-data'] : []),
    ...modules.map((name) => `LoadModule ${name}_module ${modulesFolder}/mod_${name}.so`),
    host,
  ]
  writeFileSync(join(folder, 'apache.conf'), lines.join('\n'))
  return await startFront(t, ['apache2', '-f', join(folder, 'apache.conf'), '-D', 'FOREGROUND'], ['-t'], port)
}

/** Has the program check its configuration, and then starts it. */
async function startFront(
  t: TestContext,
  [command = '', ...args]: readonly string[],
  check: readonly string[],
  port: number,
): Promise<string> {
  const checked = spawnSync(command, [...args, ...check], { encoding: 'utf8' })
  assert.equal(checked.status, 0, checked.stderr)
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const exited = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGTERM')
    await exited
  })
  const origin = `http://127.0.0.1:${port}`
  const answers = (): Promise<boolean> =>
    fetch(origin).then(
      () => true,
      () => false,
    )
  await eventually(answers)
  return origin
}
