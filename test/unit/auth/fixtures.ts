import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { AuthContext } from '#src/auth/auther.js'
import type { Logger } from '#src/logger.js'

/** Where the fixture files of authentication live. */
export const fixtures = new URL('../../../../test/fixtures/auth/', import.meta.url)

export interface StoredPassword {
  readonly format: string
  readonly stored: string
  readonly password: string
}

/** The rows of `hashes.tsv`. */
export function storedPasswords(): readonly StoredPassword[] {
  const [, ...rows] = readFileSync(new URL('hashes.tsv', fixtures), 'utf8').trimEnd().split('\n')
  return rows.map((row) => {
    const [format = '', stored = '', password = ''] = row.split('\t')
    return { format, stored, password }
  })
}

/** The first stored hash of this format and password. */
export function hashOf(format: string, password: string): string {
  const found = storedPasswords().find((row) => row.format === format && row.password === password)
  if (found === undefined) throw new Error(`no ${format} hash of ${password}`)
  return found.stored
}

/** A bcrypt hash of cost 12 that no password is known for: some hundred milliseconds to refuse. */
export const slowHash = '$2y$12$aSKeKvr2H0A4Gc05MoSm6e29vKLP2FnhogF7HfFm6z49DPsP3mgk.'

/** A path in a directory of this test alone. */
export async function temporaryPath(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pypi-auth-'))
  t.after(() => rm(folder, { recursive: true }))
  return join(folder, 'htpasswd')
}

/** A context for authers that do not look at it. */
export const context: AuthContext = { action: 'list', request: undefined, signal: new AbortController().signal }

export interface LogRecord {
  readonly level: string
  readonly details: Readonly<Record<string, unknown>>
}

/** A logger that keeps what it is told. */
export function recordingLogger(): Logger & { readonly records: LogRecord[] } {
  const records: LogRecord[] = []
  const at = (level: string) => (details: Readonly<Record<string, unknown>>) => {
    records.push({ level, details })
  }
  return { records, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
