import type { ArgumentParser } from 'argparse'
import { createParser } from './options.js'

/** An option as shells and configuration files need to know it. */
export interface OptionOutline {
  /** `-p`, `--port`. */
  readonly flags: readonly string[]
  /** The name under which the value is kept. */
  readonly dest: string
  readonly takesValue: boolean
  /** What the value may be, if that is one of some words. */
  readonly words: readonly string[]
  /** One line. */
  readonly help: string
}

/** A command, or the command line without one. */
export interface CommandOutline {
  /** `['token', 'create']`; empty without a command. */
  readonly path: readonly string[]
  readonly options: readonly OptionOutline[]
  /** What may stand where there is no option: names of commands, or fixed words; none for files. */
  readonly words: readonly string[]
  /** A line about each of the words, where there is one. */
  readonly helps: readonly string[]
}

/** What argparse keeps of an argument, and does not declare. */
interface Action {
  readonly option_strings: readonly string[]
  readonly dest: string
  readonly nargs: number | string | null
  readonly help?: string
  readonly type?: { readonly words?: readonly string[] } | null
  readonly choices?: Readonly<Record<string, ArgumentParser>> | null
  readonly _choices_actions?: readonly { readonly dest: string; readonly help?: string }[]
}

/** All commands with their options, out of the very definitions by which command lines are read. */
export function commandOutlines(): readonly CommandOutline[] {
  return outlinesOf(createParser(), [])
}

function outlinesOf(parser: ArgumentParser, path: readonly string[]): readonly CommandOutline[] {
  const { _actions: actions } = parser as unknown as { readonly _actions: readonly Action[] }
  const plain = actions.filter(({ option_strings }) => option_strings.length === 0)
  const commands = plain.flatMap(({ _choices_actions: known = [] }) => known)
  const fixed = plain.flatMap(({ type }) => type?.words ?? [])
  const outline = {
    path,
    options: actions.filter(({ option_strings }) => option_strings.length > 0).map(optionOutline),
    words: [...commands.map(({ dest }) => dest), ...fixed],
    helps: commands.map(({ help = '' }) => help),
  }
  const parsers = plain.flatMap(({ _choices_actions, choices }) =>
    _choices_actions ? Object.entries(choices ?? {}) : [],
  )
  return [outline, ...parsers.flatMap(([name, inner]) => outlinesOf(inner, [...path, name]))]
}

function optionOutline({ option_strings, dest, nargs, type, help = '' }: Action): OptionOutline {
  const [line = ''] = help.replaceAll('%%', '%').split(/[;\n]| \(default/)
  return { flags: option_strings, dest, takesValue: nargs !== 0, words: type?.words ?? [], help: line }
}
