import type { Logger } from '../logger.js'
import { type HtpasswdTable, parseHtpasswd } from './htpasswd-table.js'
import { type WatchedFile, watchedFile } from './watched-file.js'

/** Bytes; a larger password file is refused. */
export const maxHtpasswdBytes = 1024 * 1024

export interface HtpasswdFileOptions {
  readonly logger: Logger
  /** Called after other content was read. */
  readonly onChange: () => void
}

const maxNamedInLog = 50

/** A password file, read again whenever it changes. Lines without effect are logged once, not once per call. */
export function htpasswdFile(path: string, options: HtpasswdFileOptions): WatchedFile<HtpasswdTable> {
  const { logger } = options
  const onChange = (table: HtpasswdTable | undefined): void => {
    options.onChange()
    const { warnings = [] } = table ?? {}
    if (warnings.length === 0) return
    const details = { path, count: warnings.length, entries: warnings.slice(0, maxNamedInLog) }
    logger.warn(details, 'password file has entries without effect')
  }
  return watchedFile(path, { noun: 'password file', maxBytes: maxHtpasswdBytes, parse, logger, onChange })
}

function parse(text: string): HtpasswdTable {
  const table = parseHtpasswd(text)
  if (typeof table === 'number') throw new Error(`line ${table} is not user:hash`)
  return table
}
