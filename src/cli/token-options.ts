import { type ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter, type SubparsersAction } from 'argparse'

/** What `token create` was told, as argparse names it. */
export interface TokenCreateOptions {
  readonly action: 'create'
  readonly file: string
  readonly name: string
  /** Not yet checked. */
  readonly projects: readonly string[]
  /** Not yet checked. */
  readonly actions: readonly string[]
  /** Milliseconds since the epoch, in the future. */
  readonly expires: number | undefined
}

/** What `token` was told. */
export type TokenOptions =
  | TokenCreateOptions
  | { readonly action: 'list'; readonly file: string }
  | { readonly action: 'revoke'; readonly file: string; readonly token: string }

const hourMs = 3_600_000

const tokenExamples = `examples:
  pypi-server token create tokens.json ci --projects 'acme-*' --expires 90d
  pypi-server token list tokens.json
  pypi-server token revoke tokens.json ci
  pypi-server run --tokens tokens.json ./packages
      servers take changes of the file at once`

const createExamples = `The token is printed once, alone on its line on stdout; the file keeps only its hash.

examples:
  pypi-server token create tokens.json ci --projects 'acme-*'
      uploads to the projects of these names, for ever
  pypi-server token create tokens.json ro --projects '*' --actions list,download
      reading of everything
  pypi-server token create tokens.json ci --projects x --expires 2026-12-31
      uploads until the end of that day (UTC)
  pypi-server token create tokens.json release --projects acme-app --expires 12h
  TWINE_PASSWORD=$(pypi-server token create tokens.json ci --projects 'acme-*')
      for twine, whose user name is then __token__

exit codes: 0 when it is made, 1 when the file cannot be read or written, 2 for wrong arguments and a name that is taken`

const listExamples = `The tokens themselves are not in the file, and shown nowhere.

examples:
  pypi-server token list tokens.json`

const revokeExamples = `Servers that use the file refuse the token from the next request on.

examples:
  pypi-server token revoke tokens.json ci
  pypi-server token revoke tokens.json 0f3a55c1d2e4

exit codes: 0 when it is revoked, 1 when there is no such token or the file cannot be changed, 2 for wrong arguments`

/** Adds `token` with its own commands; returns all their parsers. */
export function addTokenCommand(commands: SubparsersAction): readonly ArgumentParser[] {
  const token = commands.add_parser('token', {
    help: 'make, list and revoke API tokens',
    description: 'Make, list and revoke API tokens: logins that are good for some actions on some projects only.',
    epilog: tokenExamples,
    formatter_class: RawDescriptionHelpFormatter,
  })
  const actions = token.add_subparsers({ title: 'commands', dest: 'action', metavar: 'COMMAND', required: true })
  const create = addAction(actions, 'create', 'make a token and print it', createExamples)
  create.add_argument('name', {
    metavar: 'NAME',
    help: 'what to call the token: letters, digits, ".", "_" and "-"; of no other token in the file',
  })
  addScope(create)
  const list = addAction(actions, 'list', 'print what is known of the tokens in a file', listExamples)
  const revoke = addAction(actions, 'revoke', 'take a token out of a file', revokeExamples)
  revoke.add_argument('token', { metavar: 'ID|NAME', help: 'id or name of the token' })
  return [token, create, list, revoke]
}

function addAction(actions: SubparsersAction, name: string, help: string, epilog: string): ArgumentParser {
  const parser = actions.add_parser(name, {
    help,
    description: `${help.charAt(0).toUpperCase()}${help.slice(1)}.`,
    epilog,
    formatter_class: RawDescriptionHelpFormatter,
  })
  parser.add_argument('file', { metavar: 'FILE', help: 'file of tokens, as run --tokens takes it' })
  return parser
}

function addScope(create: ArgumentParser): void {
  create.add_argument('--projects', {
    type: commaSeparated,
    required: true,
    metavar: 'GLOB,...',
    help: "projects that it is good for, where * stands for any characters and ? for one; '*' alone for all (has to be given)",
  })
  create.add_argument('--actions', {
    type: commaSeparated,
    default: ['upload'],
    metavar: 'ACTION,...',
    help: 'what it is good for: a comma-separated list of list, download, upload, remove, yank, admin; or all (default: upload)',
  })
  create.add_argument('--expires', {
    type: expiry,
    metavar: 'WHEN',
    help: 'when it ends: after days (90d) or hours (12h), or with a day (2026-12-31, UTC) (default: never)',
  })
}

function commaSeparated(text: string): readonly string[] {
  const words = text.split(',').map((word) => word.trim())
  if (!words.includes('')) return words
  throw new ArgumentTypeError(`${JSON.stringify(text)} has an empty word`)
}

/** The end of a day in UTC, or so many days or hours from now. */
function expiry(text: string): number {
  const expiresMs = endOfDay(text) ?? fromNow(text)
  if (expiresMs === undefined) throw new ArgumentTypeError(`${JSON.stringify(text)} is none of 90d, 12h, 2026-12-31`)
  if (expiresMs > Date.now()) return expiresMs
  throw new ArgumentTypeError(`${JSON.stringify(text)} is not in the future`)
}

function endOfDay(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return undefined
  const date = new Date(`${text}T00:00:00Z`)
  // 30 February is taken for 2 March.
  const isDay = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
  return isDay ? date.getTime() + 24 * hourMs : undefined
}

function fromNow(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,5})([dh])$/.exec(text) ?? []
  if (number === undefined) return undefined
  return Date.now() + Number(number) * (unit === 'd' ? 24 * hourMs : hourMs)
}
