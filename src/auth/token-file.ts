import { randomBytes } from 'node:crypto'
import { readFile, realpath } from 'node:fs/promises'
import { errorMessage, PypiServerError, undefinedIf } from '../errors.js'
import { whileLocked } from '../util/lock-file.js'
import { replaceFile } from '../util/replace-file.js'
import { wrong } from './json-shape.js'
import { actionsOf, globsOf } from './scope.js'
import { hashToken, newToken } from './token-format.js'
import {
  formatTokenRecords,
  nameOf,
  parseTokenRecords,
  type TokenInfo,
  type TokenRecord,
  timeOf,
  userOf,
} from './token-records.js'

/** What a new token is to be good for. */
export interface NewToken {
  /** 1 to 64 letters, digits, `.`, `_` and `-`, of no other token in the file; an expired one is replaced. */
  readonly name: string
  /** What it is good for; `all` is every action. */
  readonly actions: TokenInfo['actions']
  /** Globs on project names in any spelling: `*` is any run of characters, `?` exactly one. */
  readonly projects: readonly string[]
  /** Milliseconds since the epoch, in the future. @default never */
  readonly expiresMs?: number
  /** Whose token it is, for rules that name users. @default nobody's */
  readonly user?: string
}

/** A token just made. */
export interface IssuedToken {
  /** To be shown now: only its hash is stored. */
  readonly token: string
  /** Twelve hexadecimal digits, for {@link revokeToken}; no secret. */
  readonly id: string
}

/**
 * Adds a token to a file, which is created (mode 0600) when there is none. Servers that use the file take the token with
 * the next request; the file survives a power cut, and other processes may change it at the same time.
 *
 * @throws ERR_PYPI_CONFIG naming what is wrong with the options, or that the name is taken; ERR_PYPI_AUTH_UNAVAILABLE
 * when the file cannot be read or written, ERR_PYPI_OVERLOADED when others keep it locked for 15 seconds
 */
export async function createToken(path: string, options: NewToken): Promise<IssuedToken> {
  const nowMs = Date.now()
  const token = newToken()
  const record: TokenRecord = {
    id: randomBytes(6).toString('hex'),
    name: nameOf(options.name, 'name'),
    sha256: hashToken(token),
    actions: actionsOf(options.actions, 'actions'),
    projects: globsOf(options.projects, 'projects'),
    createdMs: nowMs,
    ...(options.expiresMs !== undefined && { expiresMs: futureOf(options.expiresMs, nowMs) }),
    ...(options.user !== undefined && { user: userOf(options.user, 'user') }),
  }
  await change(path, (records) => {
    const others = records.filter(({ name, expiresMs = Infinity }) => name !== record.name || expiresMs > nowMs)
    if (!others.some(({ name }) => name === record.name)) return [...others, record]
    throw wrong(`there is a token ${record.name} already: revoke it first, or choose another name`)
  })
  return { token, id: record.id }
}

/**
 * Every token of a file, expired ones too, in the order of their creation; none when there is no file.
 * @throws ERR_PYPI_AUTH_UNAVAILABLE when the file cannot be read
 */
export async function listTokens(path: string): Promise<readonly TokenInfo[]> {
  return (await read(path)).map(({ sha256: _, ...info }) => info)
}

/**
 * Takes a token out of a file, by its id or name; tells whether it was there. Servers that use the file refuse the token
 * from the next request on.
 * @throws as {@link createToken}
 */
export async function revokeToken(path: string, idOrName: string): Promise<boolean> {
  const isMeant = ({ id, name }: TokenInfo): boolean => id === idOrName || name === idOrName
  if (!(await read(path)).some(isMeant)) return false
  let isRevoked = false
  await change(path, (records) => {
    // Ids first: a token that is named like the id of another must not go in its place.
    const meant = records.find(({ id }) => id === idOrName) ?? records.find(isMeant)
    isRevoked = meant !== undefined
    return records.filter((record) => record !== meant)
  })
  return isRevoked
}

function futureOf(value: unknown, nowMs: number): number {
  const timeMs = timeOf(value, 'expiresMs')
  if (timeMs > nowMs) return timeMs
  throw wrong('expiresMs is in the past')
}

async function read(path: string): Promise<readonly TokenRecord[]> {
  try {
    const text = await readFile(path, 'utf8').catch(undefinedIf('ENOENT'))
    return text === undefined ? [] : parseTokenRecords(text)
  } catch (error) {
    throw unavailable(path, 'read', error)
  }
}

async function change(path: string, edit: (records: readonly TokenRecord[]) => readonly TokenRecord[]): Promise<void> {
  try {
    // A link to the file stays one, and everybody who changes the file locks it under the same name.
    const target = (await realpath(path).catch(undefinedIf('ENOENT'))) ?? path
    await whileLocked(`${target}.lock`, async (assertHeld) => {
      const text = formatTokenRecords(edit(await read(target)))
      await assertHeld()
      await replaceFile(target, text)
    })
  } catch (error) {
    if (error instanceof PypiServerError) throw error
    throw unavailable(path, 'written', error)
  }
}

function unavailable(path: string, done: string, cause: unknown): PypiServerError {
  const message = `token file ${path} cannot be ${done}: ${errorMessage(cause)}`
  return new PypiServerError('ERR_PYPI_AUTH_UNAVAILABLE', message, { cause })
}
