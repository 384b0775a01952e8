import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ArgumentParser } from 'argparse'
import { addConfigArgument } from './config-options.js'
import { privateNameHelp } from './private-names.js'

/** What `update` was told, as argparse names it. */
export interface UpdateOptions {
  /** A configuration file, whose values are in the other options already. */
  readonly config?: string | undefined
  /** A leading `~` is the home directory. */
  readonly package_directory: readonly string[]
  /** Run the pip commands instead of only printing them. */
  readonly execute: boolean
  /** Where pip puts what it downloads; `undefined` for the directory of the file that is updated. */
  readonly download_directory: string | undefined
  /** Propose pre-releases and development releases as well. */
  readonly allow_unstable: boolean
  /** A file with the names of projects that are never asked about. */
  readonly ignorelist_file: string | undefined
  /** A simple index, with or without a user name and password in it. */
  readonly index_url: string
  /** Names that are never asked about; `*` stands for any characters, and `@FILE` for the lines of a file. */
  readonly private: readonly string[]
}

/** Adds what only `update` takes, and the directories; `--help` and everything that `run` takes as well are up to the caller. */
export function addUpdateArguments(parser: ArgumentParser): void {
  parser.add_argument('package_directory', {
    nargs: '*',
    default: [join(homedir(), 'packages')],
    help: 'directories with distribution files (default: ~/packages)',
  })
  addConfigArgument(parser)
  addActions(parser)
  addAsking(parser)
}

function addActions(parser: ArgumentParser): void {
  parser.add_argument('-x', '--execute', {
    action: 'store_true',
    default: false,
    help: 'run the pip commands, instead of only printing them',
  })
  parser.add_argument('-d', '--download-directory', {
    metavar: 'DIR',
    help: 'download to this directory, which has to exist (default: the directory of the file that is updated)',
  })
  parser.add_argument('-u', '--allow-unstable', {
    action: 'store_true',
    default: false,
    help: 'propose pre-releases and development releases as well (default: stable releases only)',
  })
}

function addAsking(parser: ArgumentParser): void {
  parser.add_argument('--index-url', {
    default: 'https://pypi.org/simple/',
    metavar: 'URL',
    help: 'simple index to ask; it has to speak JSON (default: https://pypi.org/simple/)',
  })
  parser.add_argument('--ignorelist-file', '--blacklist-file', {
    dest: 'ignorelist_file',
    metavar: 'FILE',
    help: 'never ask about the projects named in this file: one name per line, # begins a comment',
  })
  parser.add_argument('--private', {
    action: 'append',
    default: [],
    metavar: 'NAME',
    help: `never ask about this project; ${privateNameHelp}`,
  })
}
