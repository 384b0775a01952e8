import { closeSync, openSync, writeSync } from 'node:fs'
import { errorMessage } from '../errors.js'
import { CommandError } from './command-error.js'
import type { CommonOptions } from './common-options.js'
import type { LineSink } from './log.js'
import { absolutePath } from './paths.js'

/** Where log lines go. Writing never throws: what cannot be written is told once on stderr, and lost. */
export interface LogOutput extends LineSink {
  /** Opens the file anew, after it was moved away. */
  readonly reopen: () => void
}

/** Opens the stream and the file that the options name. @throws CommandError with 2 when the file cannot be opened */
export function openLogOutput({ log_stream, log_file }: CommonOptions): LogOutput {
  const stream = log_stream === 'none' ? undefined : streamOutput(process[log_stream])
  const file = log_file === '' ? undefined : fileOutput(absolutePath(log_file))
  return {
    write: (line) => {
      stream?.write(line)
      file?.write(line)
    },
    reopen: () => file?.reopen(),
  }
}

function streamOutput(stream: NodeJS.WriteStream): LineSink {
  let isGone = false
  // A reader that went away must not take the server with it.
  stream.on('error', () => {
    isGone = true
  })
  return {
    write: (line) => {
      if (!isGone) stream.write(line)
    },
  }
}

function fileOutput(path: string): LogOutput {
  let descriptor = openToAppend(path)
  let isFailing = false
  const attempt = (work: () => void): void => {
    try {
      work()
      isFailing = false
    } catch (error) {
      if (!isFailing) process.stderr.write(`Warning: cannot write the log: ${errorMessage(error)}\n`)
      isFailing = true
    }
  }
  return {
    // Synchronously: lines of several processes stay whole, and the last one before an exit is not lost.
    write: (line) => attempt(() => writeSync(descriptor, line)),
    reopen: () =>
      attempt(() => {
        const next = openToAppend(path)
        closeSync(descriptor)
        descriptor = next
      }),
  }
}

function openToAppend(path: string): number {
  try {
    return openSync(path, 'a')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new CommandError(`cannot open the log file ${path}: ${code}`, 2, { cause: error })
  }
}
