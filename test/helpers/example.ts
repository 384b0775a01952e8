import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

export type Environment = Readonly<Record<string, string>>

/** An example that runs. */
export interface Example {
  /** Address that it printed, with a trailing slash. */
  readonly url: string
  /** Asks it to end; fulfils with its exit code and the signal that killed it, if one did. */
  readonly end: () => Promise<readonly [code: number | null, signal: string | null]>
}

/** Absolute path of a compiled example. */
export function exampleFile(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}.js`, import.meta.url))
}

/** Runs what Node is given as arguments, or a command that ends up there, on a free port until the test ends. */
export async function startExample(
  t: TestContext,
  args: readonly string[],
  environment: Environment,
  program: string = process.execPath,
): Promise<Example> {
  const env = { ...process.env, PORT: '0', ...environment }
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), exited])) as unknown[]
  const [, url] = /^Listening on (http:\/\/127\.0\.0\.1:\d+\/(?:pypi\/)?)$/.exec(String(line)) ?? []
  assert.ok(url, `${args.join(' ')} printed ${line}`)
  const end: Example['end'] = () => {
    child.kill('SIGTERM')
    return exited
  }
  return { url, end }
}
