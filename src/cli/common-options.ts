import { type ActionsContainer, type ArgumentParser, SUPPRESS } from 'argparse'
import { version } from '../index.js'
import { hashAlgorithm, oneOf } from './option-types.js'

/** What both commands take, before their name and after it. */
export interface CommonOptions {
  /** How often `-v` was given, before and after the command together. */
  readonly verbose: number
  /** Empty for none. */
  readonly log_file: string
  readonly log_stream: 'stdout' | 'stderr' | 'none'
  readonly log_frmt: string
  /** Lines are JSON objects, and `log_frmt` has no say. */
  readonly log_json: boolean
  /** Named as in hashlib; `false` for none. */
  readonly hash_algo: string | false
  /** Accepted for pypiserver's sake. */
  readonly backend: 'auto' | 'simple-dir' | 'cached-dir'
}

/** What holds for the common options that are not given. */
export const commonDefaults: CommonOptions = {
  verbose: 0,
  log_file: '',
  log_stream: 'stdout',
  log_frmt: '%(asctime)s|%(name)s|%(levelname)s|%(thread)d|%(message)s',
  log_json: false,
  hash_algo: 'sha256',
  backend: 'auto',
}

/**
 * Adds the common options. None has a default here, so that what is missing after the command does not hide what stands
 * before it.
 */
export function addCommonArguments(parser: ArgumentParser, options: { readonly verboseTo: string }): void {
  parser.add_argument('--version', { action: 'version', version, help: 'print the version and exit' })
  addLogging(parser.add_argument_group('logging'), options.verboseTo)
  const compatibility = parser.add_argument_group('digests and backend')
  compatibility.add_argument('--hash-algo', {
    type: hashAlgorithm,
    default: SUPPRESS,
    metavar: 'ALGO',
    help: 'digest in the links of pages: sha256, md5, or another name of hashlib; off, false, no or 0 for none (default: sha256)',
  })
  compatibility.add_argument('--backend', {
    type: oneOf(['auto', 'simple-dir', 'cached-dir']),
    default: SUPPRESS,
    metavar: 'BACKEND',
    help: 'auto, simple-dir or cached-dir: accepted for compatibility, since the one backend here remembers what it read and notices changes by itself (default: auto)',
  })
}

function addLogging(group: ActionsContainer, verboseTo: string): void {
  group.add_argument('-v', '--verbose', {
    dest: verboseTo,
    action: 'count',
    default: SUPPRESS,
    help: 'log more: without it warnings and one line for each request, -v also what the server does and the lines of --log-req-frmt and --log-res-frmt, -vv everything',
  })
  group.add_argument('--log-stream', {
    type: oneOf(['stdout', 'stderr', 'none']),
    default: SUPPRESS,
    metavar: 'STREAM',
    help: 'where the log goes: stdout, stderr or none (default: stdout)',
  })
  group.add_argument('--log-file', {
    default: SUPPRESS,
    metavar: 'FILE',
    help: 'also append the log to this file; SIGHUP opens it anew, for logrotate (default: none)',
  })
  group.add_argument('--log-frmt', {
    default: SUPPRESS,
    metavar: 'FORMAT',
    help: 'format of every log line, as the logging of Python has it; keys: asctime, name, levelname, levelno, message, process, processName, thread, threadName, module, created, msecs, relativeCreated (default: below)',
  })
  group.add_argument('--log-json', {
    action: 'store_true',
    default: SUPPRESS,
    help: 'write every log line as a JSON object, with what is known of a request in fields of its own (default: text)',
  })
}
