import { type BlockList, isIP } from 'node:net'
import { PypiServerError } from '../errors.js'
import { isListed } from '../util/address-list.js'

/** What a request says of its own address, by header or by socket. */
export interface RequestOrigin {
  readonly host: string | undefined
  readonly forwardedHost: string | undefined
  readonly forwardedProto: string | undefined
  /** Address of the peer at the other end of the socket. */
  readonly peer: string | undefined
  readonly isEncrypted: boolean
  /** Path in front of the mount point, without a trailing slash. */
  readonly mountPath: string
}

/** Whose forwarding headers are believed: everybody's, nobody's, or those of peers of this list. */
export type TrustedProxies = boolean | BlockList

/** How the public address is found. */
export interface LocationOptions {
  /** With a trailing slash; wins over everything. */
  readonly baseUrl: string | undefined
  readonly trustProxy: TrustedProxies
}

const hostPattern = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/

/** Whether this can be a `Host`. The pattern keeps out what would end the host in a URL; numbers and brackets it leaves to the parser. */
export function isHostName(host: string): boolean {
  return hostPattern.test(host) && URL.canParse(`http://${host}/`)
}

const maxKnownHosts = 100

/** As {@link isHostName}, for those that come again and again: clients of one server name few hosts. */
export function createHostCheck(): (host: string) => boolean {
  const known = new Set<string>()
  return (host) => {
    if (known.has(host)) return true
    if (!isHostName(host)) return false
    if (known.size >= maxKnownHosts) known.clear()
    known.add(host)
    return true
  }
}

/** Whether this peer's forwarding headers are believed. */
export function isTrusted(trustProxy: TrustedProxies, peer: string | undefined): boolean {
  if (typeof trustProxy === 'boolean') return trustProxy
  return peer !== undefined && isListed(trustProxy, peer)
}

/**
 * Where a request comes from: its peer, or what trusted proxies say of theirs (`X-Forwarded-For`). Who trusts everybody
 * believes the last of them only: what stands before it was written by whoever called our proxy.
 */
export function clientAddressOf(
  trustProxy: TrustedProxies,
  peer: string | undefined,
  forwardedFor: string | undefined,
): string | undefined {
  if (forwardedFor === undefined || peer === undefined) return peer
  const hops = forwardedFor.split(',').reverse()
  let address = peer
  for (const hop of trustProxy === true ? hops.slice(0, 1) : hops) {
    const next = /^\s*(?:\[([0-9a-f:.]+)\](?::\d+)?|([0-9.]+)(?::\d+)?|([0-9a-f:.]+))\s*$/i.exec(hop)
    const named = next?.[1] ?? next?.[2] ?? next?.[3] ?? ''
    if (!isTrusted(trustProxy, address) || isIP(named) === 0) break
    address = named
  }
  return address
}

/** Whether a request came through a proxy that is trusted, and says whom it speaks for; its own requests do not. */
export function isProxied(
  trustProxy: TrustedProxies,
  peer: string | undefined,
  forwardedFor: string | undefined,
): boolean {
  return forwardedFor !== undefined && isTrusted(trustProxy, peer)
}

/**
 * Absolute URL of the mount point with a trailing slash, for the few places that cannot use relative links.
 * @throws ERR_PYPI_BAD_REQUEST for a `Host` that is none
 */
export function baseUrlOf(origin: RequestOrigin, { baseUrl, trustProxy }: LocationOptions): string {
  if (origin.host !== undefined && !isHostName(origin.host)) {
    throw new PypiServerError('ERR_PYPI_BAD_REQUEST', 'the Host header is no host')
  }
  if (baseUrl !== undefined) return baseUrl
  const forwarded = isTrusted(trustProxy, origin.peer) ? forwardedAuthority(origin) : {}
  const scheme = forwarded.scheme ?? (origin.isEncrypted ? 'https' : 'http')
  const host = forwarded.host ?? origin.host ?? 'localhost'
  const path = `${forwarded.prefix ?? ''}${origin.mountPath}/`
  return `${scheme}://${host}${path}`
}

/** The last hop counts: what stands before it was written by whoever called our proxy. */
function forwardedAuthority({ forwardedHost, forwardedProto }: RequestOrigin): {
  readonly scheme?: string
  readonly host?: string
  readonly prefix?: string
} {
  const scheme = lastOf(forwardedProto)?.toLowerCase()
  // pypiserver's documented way to tell the prefix is a path behind the host.
  const [host = '', ...segments] = lastOf(forwardedHost)?.split('/') ?? []
  const isHost = isHostName(host) && segments.every((segment) => /^[A-Za-z0-9._~-]*$/.test(segment))
  const prefix = segments.filter((segment) => segment !== '').map((segment) => `/${segment}`)
  return {
    ...((scheme === 'http' || scheme === 'https') && { scheme }),
    ...(isHost && { host, prefix: prefix.join('') }),
  }
}

function lastOf(list: string | undefined): string | undefined {
  return list?.split(',').at(-1)?.trim()
}
