import { type ArgumentParser, RawDescriptionHelpFormatter, type SubparsersAction } from 'argparse'
import { oneOf } from './option-types.js'

/** Shells for which there is a script. */
export type Shell = 'bash' | 'zsh' | 'fish'

/** What `completion` was told, as argparse names it. */
export interface CompletionOptions {
  readonly shell: Shell
}

const completionExamples = `examples:
  source <(pypi-server completion bash)
      in ~/.bashrc
  pypi-server completion zsh > ~/.zfunc/_pypi-server
      with fpath+=~/.zfunc before compinit in ~/.zshrc
  pypi-server completion fish > ~/.config/fish/completions/pypi-server.fish

The script is made for this version: make it anew after an update.`

/** Adds `completion`; returns its parser. */
export function addCompletionCommand(commands: SubparsersAction): ArgumentParser {
  const parser = commands.add_parser('completion', {
    help: 'print a script by which a shell completes command lines',
    description: 'Print a script by which a shell completes command lines.',
    epilog: completionExamples,
    formatter_class: RawDescriptionHelpFormatter,
  })
  parser.add_argument('shell', {
    type: oneOf(['bash', 'zsh', 'fish']),
    metavar: 'SHELL',
    help: 'bash, zsh or fish',
  })
  return parser
}
