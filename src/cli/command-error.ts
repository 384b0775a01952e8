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
