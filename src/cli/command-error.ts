import { errorMessage } from '../errors.js'
import { PypiServerError } from '../index.js'

/** How the line on stderr begins. */
export interface CommandErrorOptions extends ErrorOptions {
  /** Shown before the line. @default nothing */
  readonly usage?: string
  /** Command that the line is about. @default pypi-server */
  readonly prog?: string
}

/** Ends the command with one line on stderr and this exit code: 2 for wrong arguments, 1 for what the machine refuses. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly exitCode: number
  readonly usage: string
  readonly prog: string

  constructor(message: string, exitCode: number, options: CommandErrorOptions = {}) {
    super(message, options)
    this.exitCode = exitCode
    this.usage = options.usage ?? ''
    this.prog = options.prog ?? 'pypi-server'
  }
}

/** Tells of an error that ends the command, in one line; the exit code of the process. */
export function reportError(error: unknown): number {
  const { exitCode, usage, prog, message } = commandErrorOf(error)
  process.stderr.write(`${usage}${prog}: error: ${message}\n`)
  return exitCode
}

function commandErrorOf(error: unknown): CommandError {
  if (error instanceof CommandError) return error
  if (error instanceof PypiServerError) return new CommandError(error.message, error.code === 'ERR_PYPI_CONFIG' ? 2 : 1)
  const place = error instanceof Error ? error.stack?.split('\n').find((line) => /^ +at /.test(line)) : undefined
  return new CommandError(`unexpected: ${errorMessage(error)} ${place?.trim() ?? ''}`, 1)
}
