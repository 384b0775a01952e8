import { type ArgumentParser, RawDescriptionHelpFormatter, type SubparsersAction } from 'argparse'
import { word } from './option-types.js'

/** What `doctor` was told, as argparse names it. */
export interface DoctorOptions {
  /** At least one, in the order of `run`. */
  readonly directory: readonly string[]
  readonly json: boolean
}

const doctorExamples = `Reads every file to its end and writes nothing. A server may run on the directories meanwhile. Name them as run has them,
in the same order, and run this as the user as whom the server runs: what that one cannot read is told.

examples:
  pypi-server doctor ./packages
      tell what is skipped or broken, and why
  pypi-server doctor ./packages ./archive
      also what of the second directory the first one hides
  pypi-server doctor --json ./packages > findings.json
      for programs: an object with findings, fileCount and projectCount

said of each:
  broken    clients miss it, or fail over it
  skipped   not served, and rarely meant to be
  notice    served, and there is something to know

exit codes: 0 when nothing is broken, 1 when something is, 2 for wrong arguments`

/** Adds `doctor`; returns its parser. */
export function addDoctorCommand(commands: SubparsersAction): ArgumentParser {
  const parser = commands.add_parser('doctor', {
    usage: '%(prog)s [OPTION ...] DIRECTORY [DIRECTORY ...]',
    help: 'tell which files are skipped or broken, and why',
    description: 'Tell which files of directories are skipped or broken, and why.',
    epilog: doctorExamples,
    formatter_class: RawDescriptionHelpFormatter,
  })
  parser.add_argument('directory', {
    type: word,
    nargs: '+',
    metavar: 'DIRECTORY',
    help: 'directories with distribution files, which have to exist',
  })
  parser.add_argument('--json', {
    action: 'store_true',
    default: false,
    help: 'print one JSON object instead of lines (default: lines)',
  })
  return parser
}
