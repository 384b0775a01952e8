import type { Headers } from '../http/message.js'

/** The serial of what an answer shows, as mirrors compare it (PyPI's `X-PyPI-Last-Serial`); nothing without one. */
export function serialHeader(serial: number | undefined): Headers {
  return serial === undefined ? {} : { 'x-pypi-last-serial': String(serial) }
}
