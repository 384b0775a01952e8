import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Client, execute, type Finished, isolatedEnv } from '../helpers/python-clients.js'
import { type ServerOptions, startServer } from '../helpers/server.js'

/** The one account of every server that {@link Bench.serve} starts; the colon belongs to the password (RFC 7617 §2). */
export const ACCOUNT = { username: 'ann', password: 's3cret:word' } as const

export interface RunOptions {
  /** @default the test's own directory */
  readonly cwd?: string
  /** Added to the isolated environment. */
  readonly env?: Readonly<Record<string, string>>
}

export interface ServedFile {
  readonly filename: string
  readonly bytes: Uint8Array
}

/** What one test gets: a directory of its own, servers and runs of clients that end with the test. */
export interface Bench {
  readonly directory: string
  /** `HOME` of every client that the test runs. */
  readonly home: string
  /** Writes the files below `directory` and answers with its path. */
  write(files: Readonly<Record<string, string | Uint8Array>>): Promise<string>
  /** Serves a directory that holds these files, uploads with {@link ACCOUNT} only; answers with the URL and a final `/`. */
  serve(files?: readonly ServedFile[], options?: Pick<ServerOptions, 'command'>): Promise<string>
  run(client: Client, args: readonly string[], options?: RunOptions): Promise<Finished>
  /** As `run`, and fails with the client's output unless it exits with 0; answers with the output. */
  succeed(client: Client, args: readonly string[], options?: RunOptions): Promise<string>
}

/**
 * Declares a test whose title begins with the label of the first client. While a client is missing, the test is skipped
 * with what to install as the reason; where `CI` is set it fails with it.
 */
export function clientTest(
  clients: readonly Client[],
  title: string,
  body: (bench: Bench, t: TestContext) => Promise<void>,
): void {
  const missing = clients.flatMap((client) => client.missing ?? []).join('; ')
  const skip = missing !== '' && !process.env['CI'] && missing
  test(`${clients[0]?.label} ${title}`, { skip }, async (t) => {
    assert.equal(missing, '', missing)
    await body(await openBench(t), t)
  })
}

async function openBench(t: TestContext): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'pypi-server-clients-'))
  const stops: (() => Promise<void>)[] = []
  t.after(async () => {
    await Promise.all(stops.map((stop) => stop()))
    await rm(directory, { recursive: true, force: true })
  })
  const home = join(directory, 'home')
  await mkdir(home)
  const run: Bench['run'] = (client, args, { cwd = directory, env } = {}) =>
    execute([...client.command, ...args], { cwd, env: { ...isolatedEnv(home), ...env } })
  return {
    directory,
    home,
    run,
    succeed: async (client, args, options) => {
      const { code, output } = await run(client, args, options)
      assert.equal(code, 0, `${client.label} ${args.join(' ')} exited with ${code}:\n${output}`)
      return output
    },
    write: (files) => writeFiles(directory, files),
    serve: async (files = [], options = {}) => {
      const root = join(directory, 'served')
      await mkdir(root)
      await writeFiles(root, Object.fromEntries(files.map(({ filename, bytes }) => [filename, bytes])))
      await writeFiles(directory, { htpasswd: htpasswdLine(ACCOUNT) })
      const args = ['-P', join(directory, 'htpasswd'), '-a', 'update', '--disable-fallback']
      const server = await startServer({ directory: root, args, ...options })
      stops.push(server.stop)
      return server.url
    },
  }
}

async function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  return folder
}

function htpasswdLine({ username, password }: typeof ACCOUNT): string {
  return `${username}:{SHA}${createHash('sha1').update(password).digest('base64')}\n`
}
