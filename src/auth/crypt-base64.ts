const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * The base 64 of crypt(3): each group names up to three bytes of `digest`, most significant first, which become one
 * character more than there are bytes, least significant six bits first.
 */
export function cryptBase64(digest: Uint8Array, groups: readonly (readonly number[])[]): string {
  return groups.map((group) => encodeGroup(group.map((index) => digest[index] ?? 0))).join('')
}

function encodeGroup(bytes: readonly number[]): string {
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  return Array.from({ length: bytes.length + 1 }, (_, at) => alphabet[(value >> (6 * at)) & 63]).join('')
}
