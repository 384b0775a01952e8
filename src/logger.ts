/** Takes details for programs and a message for people, as pino does. */
export type LogMethod = (details: Readonly<Record<string, unknown>>, message: string) => void

/** Where the library tells what happens; a pino logger fits as it is. Methods must not throw. */
export interface Logger {
  /** For whoever looks for a fault. */
  readonly debug: LogMethod
  /** Every request, and what changes by itself. */
  readonly info: LogMethod
  /** What works, but should be looked at. */
  readonly warn: LogMethod
  /** What does not work, with its cause in `err`. */
  readonly error: LogMethod
}

const ignore = (): void => {}

/** Drops everything: the default, since a library does not write to its host's console. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
