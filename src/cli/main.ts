#!/usr/bin/env node
import { reportError } from './command-error.js'
import { completionScript } from './completion.js'
import { doctor } from './doctor.js'
import { parseArguments } from './legacy.js'
import { manage } from './manage.js'
import { run } from './run.js'
import { token } from './token.js'
import { update } from './update.js'

async function main(args: readonly string[]): Promise<void> {
  const { line, warning = '' } = parseArguments(args)
  process.stderr.write(warning)
  switch (line.command) {
    case 'run':
      return await run(line.options)
    case 'update':
      process.exitCode = await update(line.options, { signal: stopSignal() })
      return
    case 'completion':
      process.stdout.write(completionScript(line.options.shell))
      return
    case 'doctor':
      process.exitCode = await doctor(line.options, { signal: stopSignal() })
      return
    case 'token':
      return await token(line.options)
    default:
      for (const text of await manage(line)) process.stdout.write(`${text}\n`)
  }
}

/** Aborts when the process is told to stop; the second time the signal does what it always does. */
function stopSignal(): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort())
  return stop.signal
}

// Without a reader there is nobody to tell anything.
process.stderr.on('error', () => {})

main(process.argv.slice(2)).catch((error: unknown) => {
  process.exitCode = reportError(error)
})
