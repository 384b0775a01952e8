import type { Reply } from '../http/message.js'

/** The answer with the serial of what it shows, as mirrors compare it (PyPI's `X-PyPI-Last-Serial`); absent without one. */
export function withSerial(reply: Reply, serial: number | undefined): Reply {
  if (serial === undefined) return reply
  return { ...reply, headers: { ...reply.headers, 'x-pypi-last-serial': String(serial) } }
}
