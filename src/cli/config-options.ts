import type { ArgumentParser } from 'argparse'
import { word } from './option-types.js'

/** Adds the option that names a configuration file. */
export function addConfigArgument(parser: ArgumentParser): void {
  parser.add_argument('--config', {
    type: word,
    metavar: 'FILE',
    help: 'read options from this file, in JSON, with the keys of createApp and the long names of options in camelCase; paths in it are relative to it, and what the command line says wins (default: none)',
  })
}
