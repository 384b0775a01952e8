import { statSync } from 'node:fs'
import { closestWord } from '../util/closest-word.js'
import { CommandError } from './command-error.js'
import { type CommandLine, commandNames, parseCommandLine } from './options.js'
import { absolutePath } from './paths.js'

/** A command line that was understood. */
export interface ParsedArguments {
  readonly line: CommandLine
  /** What to tell a user of the old form. */
  readonly warning?: string
}

/**
 * Reads a command line in the form with a command, or else in pypiserver's old form without: as if `run` stood in front,
 * or `update` if there is a `-U`, alone or with flags behind it. The old form is not taken for a mistyped command: its directories must exist, and none
 * of them may look like the name of a command unless it is written as a path (`./updat`).
 *
 * @throws CommandError with exit code 2, telling what is wrong in the form with a command
 */
export function parseArguments(args: readonly string[]): ParsedArguments {
  try {
    return { line: parseCommandLine(args) }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    if (commandNames.some((name) => args.includes(name))) throw misplaced(error)
    return parseLegacy(args, error)
  }
}

/** `-p 80 run`: argparse takes the 80 for the command, and says no more. */
function misplaced(error: CommandError): CommandError {
  const { message, usage, prog } = error
  if (!message.includes('invalid choice') || prog !== 'pypi-server') return error
  return new CommandError(`${message}; options of run and update stand behind the command`, 2, { usage, prog })
}

function parseLegacy(args: readonly string[], first: CommandError): ParsedArguments {
  const modern = modernForm(args)
  const shown = ['pypi-server', ...modern].map(shellQuote).join(' ')
  try {
    const line = parseCommandLine(modern)
    if (!('package_directory' in line.options)) throw first
    checkDirectories(line.options.package_directory.filter((path) => args.includes(path)))
    return { line, warning: warningFor(shown) }
  } catch (error) {
    if (!(error instanceof CommandError)) throw error
    const message = `${first.message}; as ${shown} it fails too: ${error.message}`
    throw new CommandError(message, 2, { usage: first.usage, prog: first.prog })
  }
}

function modernForm(args: readonly string[]): readonly string[] {
  // `-Ux` and `-Uu` are what pypiserver's documentation had for years.
  const at = args.findIndex((arg) => /^-U[xu]*$/.test(arg))
  if (at < 0) return ['run', ...args]
  const others = args[at]?.slice(2)
  return ['update', ...args.slice(0, at), ...(others ? [`-${others}`] : []), ...args.slice(at + 1)]
}

function warningFor(shown: string): string {
  return `WARNING: a command line without run or update is pypiserver's old form. It still works; the same in the new form is:\n  ${shown}\n`
}

function checkDirectories(paths: readonly string[]): void {
  for (const path of paths) {
    const meant = closestWord(path, commandNames)
    if (meant !== undefined) throw new CommandError(`${path} looks like ${meant}: write ./${path} for a directory`, 2)
    const isDirectory = statSync(absolutePath(path), { throwIfNoEntry: false })?.isDirectory()
    if (!isDirectory) throw new CommandError(`there is no directory ${path}`, 2)
  }
}

function shellQuote(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
