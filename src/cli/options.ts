import { ArgumentParser, RawDescriptionHelpFormatter } from 'argparse'
import { CommandError } from './command-error.js'
import { addCommonArguments, type CommonOptions, commonDefaults } from './common-options.js'
import { addCompletionCommand, type CompletionOptions } from './completion-options.js'
import { readConfigFile } from './config-file.js'
import type { FileOptions } from './config-keys.js'
import { addDoctorCommand, type DoctorOptions } from './doctor-options.js'
import { fitted } from './help-text.js'
import { addManageCommands, checkManageLine, isManageLine, type ManageLine } from './manage-options.js'
import { addRunArguments, type RunOptions } from './run-options.js'
import { addTokenCommand, type TokenOptions } from './token-options.js'
import { addUpdateArguments, type UpdateOptions } from './update-options.js'

/** A command and what it was told. */
export type CommandLine =
  | { readonly command: 'run'; readonly options: RunOptions }
  | { readonly command: 'update'; readonly options: UpdateOptions & CommonOptions }
  | { readonly command: 'token'; readonly options: TokenOptions }
  | { readonly command: 'doctor'; readonly options: DoctorOptions }
  | { readonly command: 'completion'; readonly options: CompletionOptions }
  | ManageLine

/** The names of the commands. */
export const commandNames = [
  'run',
  'update',
  'yank',
  'unyank',
  'delete',
  'status',
  'token',
  'doctor',
  'completion',
] as const

const defaultFormat = `default of --log-frmt:
  ${commonDefaults.log_frmt}`

const topExamples = `commands have options of their own: see pypi-server run --help, and so on

examples:
  pypi-server run -p 8080 ./packages
      serve a directory on port 8080; uploads are refused
  pypi-server update ./packages
      show what has newer releases on pypi.org
  pypi-server yank -m 'does not start' ./packages demo 1.0
      withdraw a release
  pypi-server token create tokens.json ci --projects 'acme-*'
      make a token for uploads to some projects
  pypi-server doctor ./packages
      tell which files are skipped or broken, and why

${defaultFormat}`

const runExamples = `examples:
  pypi-server run ./packages
      serve a directory; uploads are refused
  pypi-server run -P htpasswd ./packages
      uploads need a user name and a password of the file
      (made by: htpasswd -B -c htpasswd USER)
  pypi-server run -P htpasswd -a update,list,download ./packages
      everything needs a login
  pypi-server run --tokens tokens.json ./packages
      uploads need an API token, made by pypi-server token create
  pypi-server run -P htpasswd --rules rules.json ./packages
      a file says which user may do what with which projects
  pypi-server run -P . -a . ./packages
      everything is open to everybody: for trusted networks only
  pypi-server run --disable-fallback ./packages
      projects that are not here do not exist, instead of being looked for on pypi.org
  pypi-server run --log-file server.log --log-stream none ./packages
      log to a file only
  pypi-server run --config pypi-server.json
      take the options from a file, such as
      { "roots": "packages", "port": 9000, "passwordFile": "htpasswd" }

${defaultFormat}

exit codes: 0 after a signal, 1 when the port cannot be taken, 2 for wrong arguments`

const updateExamples = `examples:
  pypi-server update ./packages
      print the pip commands that fetch what is newer on pypi.org
  pypi-server update -x --private 'acme-*' ./packages
      run them, and ask nobody about projects of your own

${defaultFormat}`

/**
 * Reads a command line without the program's name, as argparse does: unambiguous beginnings of options, `-vo`, `-p80`,
 * `--opt=value`, `--`. Common options count before and after the command; a value after it wins, each `-v` counts. What a
 * configuration file says holds where the line says nothing; names of `--private` are added to those of the file.
 * Help and versions are printed here, and end the process with 0.
 *
 * @throws CommandError with exit code 2
 */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const first = createParser().parse_args([...args])
  const { config } = first as { readonly config?: string }
  const file = config === undefined ? {} : readConfigFile(config)
  const parsed = config === undefined ? first : createParser(file).parse_args([...args])
  const { command, verbose, verboseBefore, ...given } = parsed
  const isVerbose = verbose !== undefined || verboseBefore !== undefined
  const options = {
    ...commonDefaults,
    ...commonOptionsOf(file),
    ...given,
    ...(isVerbose && { verbose: (verbose ?? 0) + (verboseBefore ?? 0) }),
  }
  // argparse knows no types; each command's arguments are added in one place with the interface that names them.
  const line = { command, options } as unknown as CommandLine
  if (line.command === 'run') checkPair(line.options, file)
  if (isManageLine(line)) checkManageLine(line)
  return line
}

/** These are not defaults of a command, or they would hide what stands before it. */
function commonOptionsOf(file: FileOptions): Partial<CommonOptions> {
  return Object.fromEntries(Object.entries(file).filter(([name]) => Object.hasOwn(commonDefaults, name)))
}

/** The parser of command lines, which also knows all there is to say about them. What a file says are its defaults. */
export function createParser(file: FileOptions = {}): ArgumentParser {
  const parser = new ArgumentParser({
    prog: 'pypi-server',
    usage: '%(prog)s [OPTION ...] COMMAND [OPTION ...] [ARGUMENT ...]',
    description: 'A PyPI compatible package index.',
    epilog: topExamples,
    formatter_class: RawDescriptionHelpFormatter,
    color: false,
  })
  throwErrors(parser)
  const commands = parser.add_subparsers({ title: 'commands', dest: 'command', metavar: 'COMMAND', required: true })
  addCommonArguments(parser, { verboseTo: 'verboseBefore' })
  const run = commands.add_parser('run', {
    usage: '%(prog)s [OPTION ...] [DIRECTORY ...]',
    help: 'serve directories of distribution files',
    description: 'Serve directories of distribution files to pip, uv and others, and take uploads.',
    epilog: runExamples,
    formatter_class: RawDescriptionHelpFormatter,
  })
  addRunArguments(run)
  const update = commands.add_parser('update', {
    usage: '%(prog)s [OPTION ...] [DIRECTORY ...]',
    help: 'look for newer releases of what the directories hold',
    description: 'Look for newer releases of what the directories hold, and print the commands that fetch them.',
    epilog: updateExamples,
    formatter_class: RawDescriptionHelpFormatter,
  })
  addUpdateArguments(update)
  const defaults = Object.entries(file).filter(([name]) => !Object.hasOwn(commonDefaults, name))
  for (const command of [run, update]) {
    command.set_defaults(Object.fromEntries(defaults))
    addCommonArguments(command, { verboseTo: 'verbose' })
  }
  const others = [
    ...addManageCommands(commands),
    ...addTokenCommand(commands),
    addDoctorCommand(commands),
    addCompletionCommand(commands),
  ]
  for (const command of [parser, run, update, ...others]) fitHelp(command)
  for (const command of [run, update, ...others]) throwErrors(command)
  return parser
}

/** argparse breaks the lines about options only. */
function fitHelp(parser: ArgumentParser): void {
  const { description = '', epilog = '' } = parser as { description?: string; epilog?: string }
  Object.assign(parser, { description: fitted(description), epilog: fitted(epilog) })
}

/** argparse would end the process, and with it the chance to read the line as pypiserver's old form. */
function throwErrors(parser: ArgumentParser): void {
  Object.assign(parser, {
    error: (message: string) => {
      throw new CommandError(message, 2, { usage: parser.format_usage(), prog: parser.prog })
    },
  })
}

/** Opening everything has to be said twice, so that a forgotten option cannot do it; or in a file, where nothing slips in. */
function checkPair({ authenticate, passwords, tokens }: RunOptions, file: FileOptions): void {
  const isOpen = authenticate.length === 0
  const isWithoutPasswords = passwords === '.'
  // Tokens are logins as well: -P . then says no more than that they are the only ones.
  if (isOpen === isWithoutPasswords || (isWithoutPasswords && tokens !== undefined)) return
  if (isOpen && file.authenticate?.length === 0) return
  const message = isOpen
    ? `when nothing is authenticated (-a .), the password file must be empty as well (-P .)`
    : 'without a password file (-P .) nothing can be authenticated: say -a . as well, or name a file of --tokens'
  throw new CommandError(message, 2, { prog: 'pypi-server run' })
}
