import { BlockList, isIP } from 'node:net'
import { shown, wrongConfig } from './config-value.js'

/** Addresses of the machine itself. */
const loopback = ['127.0.0.0/8', '::1']

/**
 * A list of IP addresses and networks such as `10.0.0.0/8`; `loopback` stands for this machine.
 * @throws ERR_PYPI_CONFIG naming the key and the entry
 */
export function addressList(key: string, entries: readonly unknown[]): BlockList {
  const list = new BlockList()
  for (const entry of entries.flatMap((each) => (each === 'loopback' ? loopback : [each]))) {
    const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(String(entry)) ?? []
    const family = isIP(address)
    const prefix = bits === undefined ? familyBits(family) : Number(bits)
    if (typeof entry !== 'string' || family === 0 || prefix > familyBits(family)) {
      throw wrongConfig(
        `${key}: ${shown(entry)} is neither an IP address, nor a network such as 10.0.0.0/8, nor "loopback"`,
      )
    }
    list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

/** Whether an address is one of the list. IPv4 counts as such also where a socket shows it as IPv6 (`::ffff:10.0.0.1`). */
export function isListed(list: BlockList, address: string): boolean {
  const plain = plainAddress(address)
  const family = isIP(plain)
  return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
}

/** IPv4 as it is written, whatever the socket that it came from. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '')
}

function familyBits(family: number): number {
  return family === 6 ? 128 : 32
}
