import { isUtf8 } from 'node:buffer'

/** What a client presents to say who it is. Either part may be empty. */
export interface Credentials {
  readonly username: string
  readonly password: string
}

const maxHeaderLength = 4096
const schemeAndValue = /^([A-Za-z]+) +([!-~]+)$/
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 7617 section 2 forbids exactly these.
const controlCharacter = /[\u0000-\u001f\u007f]/

/**
 * The credentials in an `Authorization` header: `Basic` (RFC 7617) as they stand; a token sent as `Bearer` (RFC 6750)
 * or `token` becomes the password of user `__token__`, as publishers send it. `none` without the header; `malformed`
 * for other schemes, more than 4 KiB, and values that are not what their scheme says.
 */
export function parseAuthorization(header: string | undefined): Credentials | 'none' | 'malformed' {
  if (header === undefined) return 'none'
  if (header.length > maxHeaderLength) return 'malformed'
  const [, scheme = '', value = ''] = schemeAndValue.exec(header.trim()) ?? []
  switch (scheme.toLowerCase()) {
    case 'basic':
      return parseBasic(value) ?? 'malformed'
    case 'bearer':
    case 'token':
      return { username: '__token__', password: value }
    default:
      return 'malformed'
  }
}

/** The `WWW-Authenticate` value that makes clients ask for a login and send it as UTF-8 (RFC 7617 2.1). @default pypi */
export function challenge(realm = 'pypi'): string {
  return `Basic realm="${realm.replace(/["\\]/g, '\\$&')}", charset="UTF-8"`
}

function parseBasic(value: string): Credentials | undefined {
  const text = base64.test(value) ? decodeUtf8(Buffer.from(value, 'base64')) : undefined
  if (text === undefined || controlCharacter.test(text)) return undefined
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

function decodeUtf8(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}
