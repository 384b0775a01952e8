import { PypiServerError } from '../errors.js'
import type { Call } from '../http/message.js'

/**
 * A web page elsewhere must not act with the login, or from the network, of who opens it. Browsers say where a request
 * comes from: in `Sec-Fetch-Site` where they reach the index by https or on this machine, else in `Origin`. Whoever sends
 * neither is no browser.
 * @throws ERR_PYPI_FORBIDDEN
 */
export function checkSameSite(call: Pick<Call, 'headers' | 'baseUrl'>): void {
  const { 'sec-fetch-site': site, origin } = call.headers
  const isOwn = site === undefined ? origin === undefined || isOwnOrigin(origin, call) : ownSites.includes(site)
  if (isOwn) return
  throw new PypiServerError('ERR_PYPI_FORBIDDEN', 'requests from other web sites are not accepted')
}

const ownSites: readonly string[] = ['same-origin', 'none']

/** Whether it names the host that was asked, or the one that the index is known by: a proxy may have hidden either. */
function isOwnOrigin(origin: string, { headers, baseUrl }: Pick<Call, 'headers' | 'baseUrl'>): boolean {
  if (!URL.canParse(origin)) return false
  const { protocol, host } = new URL(origin)
  const asked = `${protocol}//${headers['host'] ?? headers[':authority'] ?? ''}`
  // Of one scheme, so that its usual port is left out on both sides.
  return [asked, baseUrl].some((url) => URL.canParse(url) && new URL(url).host === host)
}
