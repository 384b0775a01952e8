type LogMethod = (details: Readonly<Record<string, unknown>>, message: string) => void

/** Where the library tells what happens; a pino logger fits as it is. Methods must not throw. */
export interface Logger {
  readonly debug: LogMethod
  readonly info: LogMethod
  readonly warn: LogMethod
  readonly error: LogMethod
}

const ignore = (): void => {}

/** Drops everything: the default, since a library does not write to its host's console. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
