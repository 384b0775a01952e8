import type { RequestListener } from 'node:http'
import type { LogRecord } from './log.js'
import { requestKeys, responseKeys } from './log-keys.js'
import { percentFormat } from './percent-format.js'

/** How requests and answers are shown. */
export interface RequestLogOptions {
  readonly log_req_frmt: string
  readonly log_res_frmt: string
  /** Path in front of everything. */
  readonly server_base_url: string
  readonly line: (record: LogRecord) => void
}

/** A handler that also logs each request as it arrives, and each answer when it is through. */
export function withRequestLog(handler: RequestListener, options: RequestLogOptions): RequestListener {
  const { log_req_frmt, log_res_frmt, server_base_url, line } = options
  const log = (message: string): void => line({ level: 20, name: 'pypi-server.requests', message })
  return (request, response) => {
    // Node hands headers of writeHead out again only once one was set.
    response.setHeader('x', '')
    response.removeHeader('x')
    log(percentFormat(log_req_frmt, requestKeys(request, server_base_url)))
    response.once('close', () => log(percentFormat(log_res_frmt, responseKeys(response))))
    handler(request, response)
  }
}
