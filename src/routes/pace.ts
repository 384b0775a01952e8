import type { Pace } from '../http/body-pace.js'
import type { Limits } from '../limits.js'

/** How slowly bodies may come. */
export function paceOf({ maxUploadIdleMs, minUploadBytesPerSecond, maxUploadMs }: Limits): Pace {
  return { maxIdleMs: maxUploadIdleMs, minBytesPerSecond: minUploadBytesPerSecond, maxMs: maxUploadMs }
}
