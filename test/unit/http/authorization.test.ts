import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Credentials, challenge, parseAuthorization } from '#src/http/authorization.js'

const base64 = (text: string | Uint8Array): string => Buffer.from(text as string).toString('base64')
const basic = (text: string | Uint8Array): string => `Basic ${base64(text)}`

const cases: readonly (readonly [what: string, header: string | undefined, parsed: Credentials | string])[] = [
  ['no header', undefined, 'none'],
  ['user and password', basic('joe:secret'), { username: 'joe', password: 'secret' }],
  ['a lower-case scheme', `basic  ${base64('joe:x')}`, { username: 'joe', password: 'x' }],
  ['a password with colons', basic('joe:a:b:'), { username: 'joe', password: 'a:b:' }],
  ['UTF-8', basic('jürgen:pässword€'), { username: 'jürgen', password: 'pässword€' }],
  ['a byte order mark as it stands', basic('\ufeffjoe:x'), { username: '\ufeffjoe', password: 'x' }],
  ['a token as user with empty password', basic('pypi-AbC:'), { username: 'pypi-AbC', password: '' }],
  ['an empty user', basic(':x'), { username: '', password: 'x' }],
  ['nothing but the colon', basic(':'), { username: '', password: '' }],
  ['base64 without padding', 'Basic am9lOng', { username: 'joe', password: 'x' }],
  ['a bearer token', 'Bearer pypi-AgEI_x-y', { username: '__token__', password: 'pypi-AgEI_x-y' }],
  ['the scheme token', 'token abc=', { username: '__token__', password: 'abc=' }],
  ['an empty header', '', 'malformed'],
  ['a scheme alone', 'Basic', 'malformed'],
  ['an unknown scheme', 'Digest username="joe"', 'malformed'],
  ['no colon', basic('joe'), 'malformed'],
  [
    'URL-safe base64',
    `Basic ${base64('joe:\u00ff\u00ff>>>???').replaceAll('+', '-').replaceAll('/', '_')}`,
    'malformed',
  ],
  ['cut base64', 'Basic am9lO', 'malformed'],
  ['base64 with a blank in it', 'Basic am9l Ong=', 'malformed'],
  ['two headers joined', `${basic('joe:x')}, ${basic('eve:y')}`, 'malformed'],
  ['Latin-1', basic(Buffer.from('jürgen:x', 'latin1')), 'malformed'],
  ['NUL', basic('joe\0:x'), 'malformed'],
  ['a line break', basic('joe:x\n'), 'malformed'],
  ['a bearer token with a blank', 'Bearer a b', 'malformed'],
  ['more than 4 KiB', `Bearer ${'a'.repeat(4096)}`, 'malformed'],
]

for (const [what, header, parsed] of cases)
  test(`Authorization with ${what} is ${typeof parsed === 'string' ? parsed : 'understood'}`, () => {
    assert.deepEqual(parseAuthorization(header), parsed)
  })

test('the challenge asks for Basic credentials in UTF-8 and escapes the realm', () => {
  assert.equal(challenge(), 'Basic realm="pypi", charset="UTF-8"')
  assert.equal(challenge('a "b" \\'), 'Basic realm="a \\"b\\" \\\\", charset="UTF-8"')
})
