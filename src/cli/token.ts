import { stat } from 'node:fs/promises'
import { errorCode } from '../errors.js'
import { createToken, listTokens, type NewToken, revokeToken, type TokenInfo } from '../index.js'
import { CommandError } from './command-error.js'
import type { LineSink } from './log.js'
import { absolutePath } from './paths.js'
import type { TokenCreateOptions, TokenOptions } from './token-options.js'

/** Where the token goes, and where the hints. */
export interface TokenIo {
  /** @default process.stdout */
  readonly stdout?: LineSink
  /** @default process.stderr */
  readonly stderr?: LineSink
}

/**
 * Makes, lists or revokes API tokens.
 * @throws CommandError with 1 for a token or file that is not there; what `createToken` throws
 */
export async function token(options: TokenOptions, io: TokenIo = {}): Promise<void> {
  const { stdout = process.stdout, stderr = process.stderr } = io
  switch (options.action) {
    case 'create':
      return await create(options, { stdout, stderr })
    case 'list':
      return await list(options.file, stdout)
    case 'revoke':
      return await revoke(options.file, options.token, stdout)
  }
}

async function create(options: TokenCreateOptions, { stdout, stderr }: Required<TokenIo>): Promise<void> {
  const { file, name, projects, expires: expiresMs } = options
  const isAll = options.actions.length === 1 && options.actions[0] === 'all'
  // The library checks the words, and names the one that is none.
  const actions = (isAll ? 'all' : options.actions) as NewToken['actions']
  const limit = expiresMs === undefined ? {} : { expiresMs }
  const { token, id } = await createToken(absolutePath(file), { name, actions, projects, ...limit })
  const until = expiresMs === undefined ? 'for ever' : `until ${minutes(expiresMs)}`
  stderr.write(`Token ${name} (id ${id}): ${wordsOf(actions)} of ${projects.join(', ')}, ${until}.\n`)
  stdout.write(`${token}\n`)
  stderr.write(`It is not shown again. Use it as the password of user __token__, or as Bearer token;
  pypi-server run --tokens ${file} takes it, pypi-server token revoke ${file} ${name} ends it.\n`)
}

async function list(file: string, stdout: LineSink): Promise<void> {
  const path = absolutePath(file)
  // To servers no file means no tokens; here it is more likely to be a slip of the finger.
  const problem = await stat(path).then(() => undefined, errorCode)
  if (problem !== undefined) throw new CommandError(`cannot read the token file ${path}: ${problem}`, 1)
  const rows = (await listTokens(path)).map(rowOf)
  stdout.write(table([['ID', 'NAME', 'USER', 'ACTIONS', 'PROJECTS', 'CREATED', 'EXPIRES'], ...rows]))
}

async function revoke(file: string, idOrName: string, stdout: LineSink): Promise<void> {
  const path = absolutePath(file)
  if (!(await revokeToken(path, idOrName))) throw new CommandError(`there is no token ${idOrName} in ${path}`, 1)
  stdout.write(`revoked ${idOrName}\n`)
}

function rowOf({ id, name, user = '-', actions, projects, createdMs, expiresMs }: TokenInfo): readonly string[] {
  const expires = expiresMs === undefined ? 'never' : minutes(expiresMs)
  const isExpired = expiresMs !== undefined && expiresMs <= Date.now()
  const end = isExpired ? `${expires} (expired)` : expires
  return [id, name, user, wordsOf(actions), projects.join(','), minutes(createdMs), end]
}

function wordsOf(actions: NewToken['actions']): string {
  return actions === 'all' ? 'all' : actions.join(',')
}

/** As `2026-12-31T23:59Z`: sortable, and one word. */
function minutes(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16)}Z`
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}
