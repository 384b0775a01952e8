#!/usr/bin/env node
import { PypiServerError } from '../index.js'
import { parseArguments } from './options.js'
import { CommandError, run } from './run.js'

run(parseArguments(process.argv.slice(2))).catch((error: unknown) => {
  if (!(error instanceof CommandError || error instanceof PypiServerError)) throw error
  process.stderr.write(`pypi-server: error: ${error.message}\n`)
  process.exitCode = error instanceof CommandError ? error.exitCode : 2
})
