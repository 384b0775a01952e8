import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { wheel } from '../helpers/archives.js'
import { exampleDatabase } from '../helpers/example-database.js'
import { findClients } from '../helpers/python-clients.js'
import { type Bench, clientTest } from './client-test.js'

const clients = await findClients()
const pip = clients.newestPip()
const lib = wheel({ name: 'demo-lib', version: '1.0' })

/** Examples that ask other programs who somebody is: `logins.test.ts` has pip download from these. */
const elsewhere = ['ldap.ts', 'pam.ts']

interface Special {
  /** Where the index is below the address that the example prints. */
  readonly path?: string
  /** Directory that it serves, in place of `ROOT`. */
  readonly root?: string
  /** Makes what else it needs; tells it where. */
  readonly prepare?: (directory: string) => Promise<Readonly<Record<string, string>>>
}

/** Examples that are not just one index over `ROOT`. */
const special: Readonly<Record<string, Special>> = {
  'two-indexes': { path: 'stable/', root: 'STABLE' },
  database: { prepare: async (directory) => ({ DATABASE: await exampleDatabase(join(directory, 'database')) }) },
  sessions: { prepare: async () => ({ SECRET: 'of the sessions' }) },
}

/** Address of a compiled example that serves `lib`, with a login that every example takes. */
async function start({ directory, write }: Bench, name: string): Promise<AsyncDisposable & { readonly url: string }> {
  const { path: below = '', root = 'ROOT', prepare } = special[name] ?? {}
  for (const folder of ['served', 'other']) await mkdir(join(directory, folder))
  await write({ htpasswd: 'ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n', [`served/${lib.filename}`]: lib.bytes })
  const folders = { ROOT: 'other', UNSTABLE: 'other', [root]: 'served' }
  const env = {
    ...process.env,
    ...folders,
    PORT: '0',
    PASSWORDS: 'htpasswd',
    TOKEN: 'machine secret',
    ...(await prepare?.(directory)),
  }
  const path = fileURLToPath(new URL(`../../examples/${name}.js`, import.meta.url))
  const child = spawn(process.execPath, [path], { cwd: directory, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), exited])
  const [, authority = '', mount = ''] = /^Listening on http:\/\/([\w.:]+)(\/\S*)$/.exec(String(line)) ?? []
  assert.notEqual(authority, '', `${name} printed ${line}`)
  const end = async (): Promise<void> => {
    child.kill('SIGTERM')
    await exited
  }
  return { url: `http://ann:secret@${authority}${mount}${below}`, [Symbol.asyncDispose]: end }
}

const files = readdirSync(new URL('../../../examples/', import.meta.url)).filter((name) => name.endsWith('.ts'))
for (const file of files.filter((name) => !elsewhere.includes(name))) {
  clientTest([pip], `downloads from examples/${file}`, async (bench) => {
    await using example = await start(bench, file.replace(/\.ts$/, ''))
    await bench.succeed(pip, ['download', '--index-url', `${example.url}simple/`, '--dest', 'got', 'demo-lib'])
    assert.deepEqual(await readFile(join(bench.directory, 'got', lib.filename)), Buffer.from(lib.bytes))
  })
}
