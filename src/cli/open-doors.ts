import { addressList, isListed } from '../util/address-list.js'
import type { RunOptions } from './run-options.js'

/** What the options leave open, one line for each with what closes it: administrators may not have meant it. */
export function openDoors(options: RunOptions): readonly string[] {
  return [...openUploads(options), ...openFallback(options)]
}

/** Rules decide by themselves what needs a login. */
function openUploads({ authenticate, rules, host }: RunOptions): readonly string[] {
  if (authenticate.includes('update') || rules !== undefined) return []
  const who = isLoopback(host)
    ? 'everybody on this machine may upload and delete without a login'
    : `everybody who reaches ${host} may upload and delete without a login`
  const fix = isLoopback(host) ? '' : ', or -i 127.0.0.1 keeps other machines out'
  return [`${who}: -P FILE -a update asks for one${fix}`]
}

/** Who uploads has names of their own, which somebody else can take at the fallback. */
function openFallback(options: RunOptions): readonly string[] {
  const { disable_fallback: isDisabled, fallback_url: url, private: names } = options
  if (isDisabled || names.length > 0 || !takesUploads(options)) return []
  const danger = `names that are not here yet lead to ${url}, where anybody may have taken them`
  return [`${danger}: --disable-fallback ends that, --private 'NAME-*' keeps yours here`]
}

function takesUploads({ authenticate, passwords, tokens }: RunOptions): boolean {
  const hasUsers = (passwords !== undefined && passwords !== '.') || tokens !== undefined
  return hasUsers || !authenticate.includes('update')
}

function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || isListed(addressList('host', ['loopback']), host)
}
