import { statSync } from 'node:fs'
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
    const meant = commandNames.find((name) => isTypingErrorOf(name, path))
    if (meant !== undefined) throw new CommandError(`${path} looks like ${meant}: write ./${path} for a directory`, 2)
    const isDirectory = statSync(absolutePath(path), { throwIfNoEntry: false })?.isDirectory()
    if (!isDirectory) throw new CommandError(`there is no directory ${path}`, 2)
  }
}

/** At most one slip of the finger for every three letters. */
function isTypingErrorOf(name: string, word: string): boolean {
  return distance(name, word.toLowerCase()) <= name.length / 3
}

/** Letters to add, drop or replace, or neighbours to swap, to get from one word to the other. */
function distance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row]
    rows.push(current)
    for (let column = 1; column <= to.length; column += 1) {
      const isEqual = from[row - 1] === to[column - 1]
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      const replaced = at(row - 1, column - 1) + (isEqual ? 0 : 1)
      const swapped = isSwap ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY
      current.push(Math.min(replaced, swapped, at(row - 1, column) + 1, at(row, column - 1) + 1))
    }
  }
  return at(from.length, to.length)
}

function shellQuote(text: string): string {
  return /^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
