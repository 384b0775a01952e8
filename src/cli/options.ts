import { homedir } from 'node:os'
import { join } from 'node:path'
import { ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter } from 'argparse'
import { type ActionGroup, version } from '../index.js'

/** What `run` was told, as argparse names it. */
export interface RunOptions {
  readonly package_directory: readonly string[]
  readonly port: number
  readonly host: string
  /** `.` stands for none, on purpose. */
  readonly passwords: string | undefined
  readonly authenticate: readonly ActionGroup[]
  readonly overwrite: boolean
  readonly disable_fallback: boolean
  readonly fallback_url: string
  readonly health_endpoint: string
  readonly hash_algo: string
  readonly cache_control: number | undefined
  readonly max_upload: number
  /** How often `-v` was given. */
  readonly verbose: number
}

const groups: readonly string[] = ['download', 'list', 'update']

const examples = `examples:
  pypi-server run ./packages
      serve a directory; uploads are refused
  pypi-server run -P htpasswd ./packages
      uploads need a user name and a password of the file (made by: htpasswd -B -c htpasswd USER)
  pypi-server run -P htpasswd -a update,list,download ./packages
      everything needs a login
  pypi-server run -P . -a . ./packages
      everything is open to everybody: for trusted networks only
  pypi-server run --disable-fallback ./packages
      projects that are not here do not exist, instead of being looked for on pypi.org`

/**
 * Reads a command line without the program's name. As argparse does, it prints help, versions and errors itself and
 * ends the process: with 0 after help, with 2 after an error.
 */
export function parseArguments(args: readonly string[]): RunOptions {
  const parser = new ArgumentParser({ prog: 'pypi-server', description: 'A PyPI compatible package index.' })
  parser.add_argument('--version', { action: 'version', version })
  const commands = parser.add_subparsers({ dest: 'command', metavar: 'COMMAND', required: true })
  const run = commands.add_parser('run', {
    help: 'serve directories of distribution files',
    description: 'Serve directories of distribution files to pip, uv and others, and take uploads.',
    epilog: examples,
    formatter_class: RawDescriptionHelpFormatter,
  })
  addServing(run)
  addLogins(run)
  addPages(run)
  const options = { ...parser.parse_args([...args]) } as unknown as RunOptions
  checkPair(run, options)
  return options
}

function addServing(run: ArgumentParser): void {
  run.add_argument('package_directory', {
    nargs: '*',
    default: [join(homedir(), 'packages')],
    help: 'directories with distribution files, searched in this order; the first takes uploads, and is created when it does not exist (default: ~/packages)',
  })
  run.add_argument('-p', '--port', {
    type: port,
    default: 8080,
    metavar: 'PORT',
    help: 'port to listen on, 0 for any free one (default: 8080)',
  })
  run.add_argument('-i', '-H', '--interface', '--host', {
    dest: 'host',
    default: '0.0.0.0',
    metavar: 'HOST',
    help: 'address to listen on (default: 0.0.0.0, all interfaces)',
  })
  run.add_argument('-v', '--verbose', { action: 'count', default: 0, help: 'say more; repeat for even more' })
  run.add_argument('--version', { action: 'version', version })
}

function addLogins(run: ArgumentParser): void {
  run.add_argument('-P', '--passwords', {
    metavar: 'FILE',
    help: 'Apache htpasswd file with the users; read again when it changes; "." means that there are none',
  })
  run.add_argument('-a', '--authenticate', {
    type: authenticate,
    default: ['update'],
    metavar: 'LIST',
    help: 'what needs a login: a comma-separated list of download, list, update; "." means nothing (default: update)',
  })
  run.add_argument('-o', '--overwrite', {
    action: 'store_true',
    default: false,
    help: 'let uploads replace files of the same name',
  })
  run.add_argument('--max-upload', {
    type: bytes,
    default: 1024 ** 3,
    metavar: 'SIZE',
    help: 'largest upload, in bytes or with a unit such as 500M or 2G (default: 1G)',
  })
}

function addPages(run: ArgumentParser): void {
  run.add_argument('--disable-fallback', {
    action: 'store_true',
    default: false,
    help: 'answer 404 for projects that are not here, instead of redirecting to the fallback',
  })
  run.add_argument('--fallback-url', {
    default: 'https://pypi.org/simple/',
    metavar: 'URL',
    help: 'simple index that requests for unknown projects are redirected to (default: https://pypi.org/simple/)',
  })
  run.add_argument('--health-endpoint', {
    default: '/health',
    metavar: 'PATH',
    help: 'path that answers "Ok" as long as the server lives (default: /health)',
  })
  run.add_argument('--hash-algo', {
    default: 'sha256',
    metavar: 'ALGO',
    help: 'digest in the links of pages, such as sha256 or md5; off for none (default: sha256)',
  })
  run.add_argument('--cache-control', {
    type: seconds,
    metavar: 'AGE',
    help: 'seconds for which clients may keep distribution files without asking again',
  })
}

/** Opening everything has to be said twice, so that a forgotten option cannot do it. */
function checkPair(run: ArgumentParser, { authenticate: wanted, passwords }: RunOptions): void {
  const isOpen = wanted.length === 0
  if (isOpen === (passwords === '.')) return
  run.error(
    isOpen
      ? `when nothing is authenticated (-a .), the password file must be empty as well (-P ., not -P ${passwords})`
      : `without a password file (-P .) nothing can be authenticated: say -a . as well`,
  )
}

const port = named('port', (text) => {
  const number = Number(text)
  if (/^\d+$/.test(text) && number <= 65535) return number
  throw new ArgumentTypeError(`${JSON.stringify(text)} is not a port: a number from 0 to 65535`)
})

const seconds = named('seconds', (text) => {
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new ArgumentTypeError(`${JSON.stringify(text)} is not a whole number of seconds`)
})

const bytes = named('size', (text) => {
  const [, digits, unit] = /^(\d{1,12})([KMGT]?)i?B?$/i.exec(text) ?? []
  const size = Number(digits) * 1024 ** ' KMGT'.indexOf(unit?.toUpperCase() || ' ')
  if (size > 0 && Number.isSafeInteger(size)) return size
  throw new ArgumentTypeError(`${JSON.stringify(text)} is not a size, such as 1000000, 500M or 2G`)
})

const authenticate = named('list', (text) => {
  const words = [
    ...new Set(
      text
        .toLowerCase()
        .split(',')
        .map((word) => word.trim()),
    ),
  ].sort()
  if (words.length === 1 && words[0] === '.') return []
  const wrong = words.find((word) => !groups.includes(word))
  if (wrong === undefined) return words
  throw new ArgumentTypeError(`${JSON.stringify(wrong)} is none of ${groups.join(', ')}, nor "." alone`)
})

/** argparse names the type in its messages by the function's name. */
function named<T>(name: string, convert: (text: string) => T): (text: string) => T {
  return Object.defineProperty(convert, 'name', { value: name })
}
