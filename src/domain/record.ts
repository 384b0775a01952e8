import type { AuditEntry, Backend } from '../backend.js'
import { errorMessage } from '../errors.js'
import type { Logger } from '../logger.js'

/**
 * Writes a change that was made into the audit log. It stands whether that succeeds or not, and telling a client that it
 * failed would be untrue: what the audit log cannot take goes to the logger as an error, with the whole entry.
 */
export async function record(
  { backend, logger }: { readonly backend: Backend; readonly logger: Logger },
  entry: AuditEntry,
): Promise<void> {
  try {
    await backend.audit?.(entry)
  } catch (error) {
    logger.error({ ...entry, reason: errorMessage(error) }, 'a change is missing in the audit log')
  }
}
