import { createApp } from '../index.js'
import { prepareDirectories } from './directories.js'
import { createLogger } from './log.js'
import { openLogOutput } from './log-output.js'
import { resolvedPath } from './paths.js'
import { configOf, remarks } from './run-config.js'
import type { RunOptions } from './run-options.js'
import { say } from './say.js'
import { onlySeat, serve } from './serve.js'
import { endOnSignals } from './shutdown.js'
import { superviseWorkers } from './workers.js'

/**
 * Serves until the process is told to stop, by itself or by workers. Fulfils once it listens.
 * @throws CommandError with 2 for what is wrong with the options, with 1 when the port cannot be taken
 */
export async function run(options: RunOptions): Promise<void> {
  const config = await configOf(options)
  const output = openLogOutput(options)
  const log = { output, logger: createLogger(options, output) }
  const directories = await Promise.all(options.package_directory.map(resolvedPath))
  // It looks at all values, and touches nothing.
  createApp({ ...config, roots: directories })
  for (const line of [...(await prepareDirectories(directories)), ...remarks(options)]) say(line)
  const plan = { options, config, directories }
  if (options.workers > 1) return await superviseWorkers(plan, log)
  await serve(plan, log, {
    seat: onlySeat,
    obey: (ending) => {
      endOnSignals(ending)
      if (options.log_file !== '') process.on('SIGHUP', output.reopen)
    },
  })
}
