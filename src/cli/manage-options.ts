import { type ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter, type SubparsersAction } from 'argparse'
import type { ProjectStatus } from '../index.js'
import { CommandError } from './command-error.js'
import { oneOf, word } from './option-types.js'

/** What `yank`, `unyank` and `delete` were told, as argparse names it. */
export interface TargetOptions {
  readonly directory: string
  readonly project: string
  /** A version or the name of a file; absent with `all`. */
  readonly target: string | undefined
  readonly all: boolean
}

/** What `yank` was told. */
export interface YankOptions extends TargetOptions {
  readonly message: string | undefined
}

/** What `delete` was told. */
export interface DeleteOptions extends TargetOptions {
  readonly free_names: boolean
  readonly free_project: boolean
  readonly dry_run: boolean
}

/** What `status` was told. */
export interface StatusOptions {
  readonly directory: string
  readonly project: string
  /** Absent to have it told. */
  readonly status: ProjectStatus | undefined
  readonly message: string | undefined
}

/** A command that manages what is in a directory, and what it was told. */
export type ManageLine =
  | { readonly command: 'yank'; readonly options: YankOptions }
  | { readonly command: 'unyank'; readonly options: TargetOptions }
  | { readonly command: 'delete'; readonly options: DeleteOptions }
  | { readonly command: 'status'; readonly options: StatusOptions }

const manageCommands: readonly string[] = ['yank', 'unyank', 'delete', 'status']

/** Whether a command is one of those. */
export function isManageLine(line: { readonly command: string }): line is ManageLine {
  return manageCommands.includes(line.command)
}

const statuses = ['active', 'archived', 'deprecated', 'quarantined'] satisfies readonly ProjectStatus[]
const maxReasonLength = 1000

const afterwards = `A server on the same directory shows the change within a second. Run this as the user as whom the server runs. When a
server was given several directories, name the first; what is in the others is managed over HTTP.

exit codes: 0 when it is done, 1 when there is nothing of that name or the directory refuses, 2 for wrong arguments`

const yankExamples = `examples:
  pypi-server yank ./packages demo 1.0
      installers choose another release, unless somebody asks for exactly this one
  pypi-server yank -m broken ./packages demo demo-1.0-py3-none-any.whl
      one file only, with a reason that pip shows
  pypi-server yank --all ./packages demo
      all files of the project

${afterwards}`

const unyankExamples = `examples:
  pypi-server unyank ./packages demo 1.0

${afterwards}`

const deleteExamples = `Whoever asks for exactly these files cannot install any more. To keep others from choosing a release, yank it instead.

examples:
  pypi-server delete -n ./packages demo 1.0
      show what would go
  pypi-server delete ./packages demo 1.0
      the name of each file stays bound to its bytes: uploading others under it is refused
  pypi-server delete --free-names ./packages demo demo-1.0.tar.gz
      other bytes may have the name; whoever remembers the old digest refuses them
  pypi-server delete --all ./packages demo
      all files of the project; its name stays taken, and never leads to the fallback
  pypi-server delete --all --free-project ./packages demo
      the same, and its name, uploaded by mistake, leads to the fallback again

${afterwards}`

const statusExamples = `statuses:
  active       the normal one
  archived     no uploads; nothing new is to be expected
  deprecated   something else should be used instead
  quarantined  no uploads, and no files are shown or served

examples:
  pypi-server status ./packages demo
      print the status
  pypi-server status ./packages demo archived -m 'moved to demo-ng'
  pypi-server status ./packages demo active

${afterwards}`

/** Adds the commands that manage what is in a directory; returns their parsers. */
export function addManageCommands(commands: SubparsersAction): readonly ArgumentParser[] {
  const yank = addCommand(commands, 'yank', {
    usage: '%(prog)s [OPTION ...] DIRECTORY PROJECT [VERSION|FILENAME]',
    help: 'withdraw a release or a file, so that nobody chooses it unasked',
    description: 'Withdraw a release or a file (PEP 592): it stays there for whoever asks for exactly this one.',
    epilog: yankExamples,
  })
  const unyank = addCommand(commands, 'unyank', {
    usage: '%(prog)s [OPTION ...] DIRECTORY PROJECT [VERSION|FILENAME]',
    help: 'take a withdrawal back',
    description: 'Take the withdrawal of a release or a file back.',
    epilog: unyankExamples,
  })
  const remove = addCommand(commands, 'delete', {
    usage: '%(prog)s [OPTION ...] DIRECTORY PROJECT [VERSION|FILENAME]',
    help: 'delete a release or a file for good',
    description: 'Delete a release or a file for good.',
    epilog: deleteExamples,
  })
  const status = addCommand(commands, 'status', {
    usage: '%(prog)s [OPTION ...] DIRECTORY PROJECT [STATUS]',
    help: 'tell or set the status of a project',
    description: 'Tell the status of a project, or set it (PEP 792).',
    epilog: statusExamples,
  })
  addMessage(yank)
  for (const parser of [yank, unyank, remove]) addTarget(parser)
  addDeleteOptions(remove)
  addStatus(status)
  return [yank, unyank, remove, status]
}

/**
 * What nobody meant: a whole project by a forgotten word, or a reason for nothing.
 * @throws CommandError with 2
 */
export function checkManageLine({ command, options }: ManageLine): void {
  const prog = `pypi-server ${command}`
  if (command === 'delete' && options.free_project && !options.all)
    throw new CommandError('--free-project is for whole projects: say --all', 2, { prog })
  if (command === 'status') {
    if (options.status !== undefined || options.message === undefined) return
    throw new CommandError('-m is the reason for a status: say which', 2, { prog })
  }
  if (options.all === (options.target === undefined)) return
  const message = options.all
    ? `either --all or ${options.target}, not both`
    : `which release or file of ${options.project}? --all for every one`
  throw new CommandError(message, 2, { prog })
}

interface CommandTexts {
  readonly usage: string
  readonly help: string
  readonly description: string
  readonly epilog: string
}

function addCommand(commands: SubparsersAction, name: string, texts: CommandTexts): ArgumentParser {
  const parser = commands.add_parser(name, { ...texts, formatter_class: RawDescriptionHelpFormatter })
  parser.add_argument('directory', {
    type: word,
    metavar: 'DIRECTORY',
    help: 'directory with distribution files, which has to exist',
  })
  parser.add_argument('project', { type: word, metavar: 'PROJECT', help: 'name of the project, in any spelling' })
  return parser
}

function addTarget(parser: ArgumentParser): void {
  parser.add_argument('target', {
    type: word,
    nargs: '?',
    metavar: 'VERSION|FILENAME',
    help: 'a release, its version in any spelling, or a single file',
  })
  parser.add_argument('--all', {
    action: 'store_true',
    default: false,
    help: 'every file of the project: has to be said when there is neither a version nor a file name',
  })
}

function addMessage(parser: ArgumentParser): void {
  parser.add_argument('-m', '--message', {
    type: reason,
    metavar: 'REASON',
    help: `why, at most ${maxReasonLength} characters (default: no reason)`,
  })
}

function addDeleteOptions(parser: ArgumentParser): void {
  parser.add_argument('--free-names', {
    action: 'store_true',
    default: false,
    help: 'let other bytes have the names of the files later (default: only the same bytes may come back)',
  })
  parser.add_argument('--free-project', {
    action: 'store_true',
    default: false,
    help: 'with --all: forget that the name was used here, also of a project without files (default: it stays taken)',
  })
  parser.add_argument('-n', '--dry-run', {
    action: 'store_true',
    default: false,
    help: 'print what would be deleted, and delete nothing',
  })
}

function addStatus(parser: ArgumentParser): void {
  parser.add_argument('status', {
    type: oneOf(statuses),
    nargs: '?',
    metavar: 'STATUS',
    help: `${statuses.join(', ')}; without it the status is printed`,
  })
  addMessage(parser)
}

function reason(text: string): string | undefined {
  if (text.length <= maxReasonLength) return text || undefined
  throw new ArgumentTypeError(`it has ${text.length} characters, more than ${maxReasonLength}`)
}
