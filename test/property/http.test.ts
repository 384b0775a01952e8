import assert from 'node:assert/strict'
import fc from 'fast-check'
import { baseUrlOf } from '#src/edge/location.js'
import { PypiServerError } from '#src/errors.js'
import { negotiate, negotiateEncoding, negotiateProblem, negotiateSimple } from '#src/http/accept.js'
import { parseAuthorization } from '#src/http/authorization.js'
import { contentRange, parseRange, resolveRange } from '#src/http/byte-range.js'
import { httpDate, isNotModified, matchesIfRange, parseHttpDate } from '#src/http/conditional.js'
import { parseParameterized } from '#src/http/header-parameters.js'
import { encodePath, relativePrefix, safeReason } from '#src/http/links.js'
import { checkPartHeaders } from '#src/http/part-headers.js'
import { readXmlRpcCall } from '#src/http/xmlrpc.js'
import { addressList } from '#src/util/address-list.js'
import { hasControlCharacters } from '#src/util/control-characters.js'
import { holds, hostileText } from '../helpers/property.js'

const offers = ['text/html', 'application/vnd.pypi.simple.v1+html', 'application/vnd.pypi.simple.v1+json'] as const
const range = fc.constantFrom(...offers, '*/*', 'text/*', 'application/*', 'image/png')
const weight = fc.constantFrom(undefined, '0', '0.1', '0.5', '1', '1.000')
const acceptLike = hostileText(...offers, '*/*', 'text/*', ',', ';', 'q=', 'q=0', '0.5', '1', '=', ' ', '/', '*')

holds(
  'an Accept header gets the offer of the highest quality, by the most specific range that names it',
  fc.property(fc.array(fc.tuple(range, weight), { minLength: 1, maxLength: 6 }), (ranges) => {
    const header = ranges.map(([name, q]) => (q === undefined ? name : `${name};q=${q}`)).join(', ')
    const quality = (offer: string): number => {
      for (const pattern of [offer, `${offer.split('/', 1)[0]}/*`, '*/*']) {
        const found = ranges.filter(([name]) => name === pattern).map(([, q]) => Number(q ?? 1))
        if (found.length > 0) return Math.max(...found)
      }
      return 0
    }
    const best = Math.max(...offers.map(quality))
    const chosen = negotiate(header, offers)
    assert.equal(chosen === undefined ? 0 : quality(chosen), best)
  }),
)

holds(
  'whatever Accept says, the answer is one of the offers or none',
  fc.property(acceptLike, fc.option(acceptLike), (accept, format) => {
    const type = negotiateSimple({ accept, format })
    assert.ok(type === undefined || offers.includes(type))
    assert.match(negotiateProblem(accept), /^[a-z]+\/[a-z+]+$/)
    assert.ok(['br', 'gzip', 'identity'].includes(negotiateEncoding(accept, ['br', 'gzip'])))
  }),
)

holds(
  'a byte range that is read selects bytes that exist, or none',
  fc.property(hostileText('bytes=', '0', '5', '-', ',', '99999999999999999999', ' '), fc.nat(), (header, size) => {
    const requested = parseRange(header)
    const resolved = requested && resolveRange(requested, size)
    if (resolved === undefined) return
    assert.ok(resolved.start >= 0 && resolved.start <= resolved.end && resolved.end < size)
    assert.match(contentRange(resolved, size), /^bytes \d+-\d+\/\d+$/)
  }),
)

holds(
  'a well-formed byte range selects what it says',
  fc.property(fc.nat({ max: 2000 }), fc.nat({ max: 2000 }), fc.integer({ min: 1, max: 1000 }), (first, last, size) => {
    const resolved = resolveRange(parseRange(`bytes=${first}-${first + last}`) ?? { suffix: 0 }, size)
    const bytes = Array.from({ length: size }, (_, index) => index).slice(first, first + last + 1)
    assert.deepEqual(resolved, bytes.length === 0 ? undefined : { start: bytes[0], end: bytes.at(-1) })
  }),
)

holds(
  'an HTTP date is read back to the second',
  fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }), (date) => {
    const seconds = Math.floor(date.getTime() / 1000) * 1000
    assert.equal(parseHttpDate(httpDate(date.getTime())), seconds)
  }),
)

const etag = fc.stringMatching(/^[!#-~]{0,40}$/)

holds(
  'an entity tag matches in any list that holds it, weak or strong, and in none without it',
  fc.property(etag, fc.array(etag, { maxLength: 4 }), fc.boolean(), (tag, others, isWeak) => {
    const rest = others.filter((other) => other !== tag).map((other) => `"${other}"`)
    const with_ = [...rest, `${isWeak ? 'W/' : ''}"${tag}"`].join(', ')
    assert.equal(isNotModified({ ifNoneMatch: with_ }, { etag: tag }), true)
    assert.equal(isNotModified({ ifNoneMatch: rest.join(', ') }, { etag: tag }), false)
    assert.equal(matchesIfRange(`"${tag}"`, { etag: tag }), true)
    assert.equal(matchesIfRange(`W/"${tag}"`, { etag: tag }), false)
  }),
)

holds(
  'any conditional header is decided, and only a date or a tag that fits makes it true',
  fc.property(hostileText('"', 'W/', 'abc', ',', '*', httpDate(0), 'GMT', ' '), (text) => {
    const validators = { etag: 'xyz', modifiedMs: 10 ** 12 }
    if (isNotModified({ ifNoneMatch: text }, validators)) assert.match(text, /xyz|\*/)
    assert.equal(matchesIfRange(text, { etag: 'xyz' }), false)
    isNotModified({ ifModifiedSince: text }, validators)
  }),
)

const printable = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((text) => !hasControlCharacters(text))
const username = printable.map((text) => text.replaceAll(':', ''))

holds(
  'a user and password that were sent as Basic are read back',
  fc.property(username, printable, (username, password) => {
    const value = Buffer.from(`${username}:${password}`).toString('base64')
    assert.deepEqual(parseAuthorization(`Basic ${value}`), { username, password })
  }),
)

holds(
  'whatever Authorization says, it is credentials without control characters or malformed',
  fc.property(hostileText('Basic ', 'Bearer ', 'token ', 'YTpi', '=', ':', ' ', 'AA==', '\0'), (header) => {
    const found = parseAuthorization(header)
    if (typeof found !== 'object') return assert.equal(found, 'malformed')
    assert.ok(!hasControlCharacters(found.username + found.password))
  }),
)

const token = fc.stringMatching(/^[A-Za-z0-9-]{1,10}$/)
const quotable = fc.stringMatching(/^[!#-[\]-~ ]{0,20}$/)

holds(
  'a header value with parameters is taken apart into what it was made of',
  fc.property(
    token,
    fc.array(fc.tuple(token, quotable), { maxLength: 4 }),
    fc.constantFrom('', ' '),
    (value, parameters, space) => {
      const text = value + parameters.map(([name, quoted]) => `${space};${space}${name}="${quoted}"`).join('')
      assert.deepEqual(parseParameterized(text), {
        value: value.toLowerCase(),
        parameters: parameters.map(([name, quoted]) => [name.toLowerCase(), quoted]),
      })
    },
  ),
)

holds(
  'part headers are taken or refused as a bad request, whatever they hold',
  fc.property(
    hostileText(
      'Content-Disposition: form-data',
      '; name="a"',
      '; filename="b"',
      '; filename*=x',
      '\r\n',
      '\r\n ',
      ':',
      '"',
      '\\',
      ';',
    ),
    (block) => assertRefusal('ERR_PYPI_BAD_REQUEST', () => checkPartHeaders(block, 50)),
  ),
)

holds(
  'links stay below the page that they stand on',
  fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (path) => {
    const base = 'http://index.test/mount/simple/demo/'
    const joined = new URL(
      `${relativePrefix('/simple/demo/')}packages/${encodePath(`x/${path.replaceAll('/', '')}`)}`,
      base,
    )
    assert.equal(joined.origin, 'http://index.test')
    const segment = path.replaceAll('/', '')
    // Dots alone are segments that mean something; no file name is one.
    if (!/^\.{0,2}$/.test(segment)) assert.ok(joined.pathname.startsWith('/mount/packages/x/'), joined.href)
  }),
)

holds(
  'any text becomes one line that may stand in a status line',
  fc.property(fc.string({ unit: 'binary' }), (text) => assert.match(safeReason(text), /^[ -~]{0,200}$/)),
)

holds(
  'whatever Host and forwarded headers say, the base address is an address of ours or refused',
  fc.property(
    fc.option(hostileText('index.test', ':', '80', '[::1]', '@', '/', 'a', '.', '<', '"'), { nil: undefined }),
    fc.option(hostileText('evil.test', ',', '/', 'x', '..', '?', '#', ' '), { nil: undefined }),
    fc.option(fc.constantFrom('https', 'javascript', 'http,https', ''), { nil: undefined }),
    (host, forwardedHost, forwardedProto) =>
      assertRefusal('ERR_PYPI_BAD_REQUEST', () => {
        const origin = { host, forwardedHost, forwardedProto, peer: '127.0.0.1', isEncrypted: false, mountPath: '/m' }
        const url = new URL(
          baseUrlOf(origin, { baseUrl: undefined, trustProxy: addressList('trustProxy', ['loopback']) }),
        )
        assert.match(url.protocol, /^https?:$/)
        assert.deepEqual([url.username, url.search, url.hash], ['', '', ''])
        assert.ok(url.pathname.endsWith('/m/'), url.href)
      }),
  ),
)

const xmlText = fc.stringMatching(/^[ -%'-;=?-~\u00e4]{0,20}$/)

holds(
  'the strings of an XML-RPC call are read back',
  fc.property(fc.array(xmlText, { maxLength: 4 }), (texts) => {
    const params = texts.map((text) => `<param><value><string>${text.replaceAll('>', '&gt;')}</string></value></param>`)
    const body = `<?xml version="1.0"?><methodCall><methodName>search</methodName><params>${params.join('')}</params></methodCall>`
    assert.deepEqual(readXmlRpcCall(Buffer.from(body)), { method: 'search', params: texts })
  }),
)

holds(
  'any bytes are an XML-RPC call or refused as a bad request',
  fc.property(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      hostileText(
        '<methodCall>',
        '<methodName>',
        '</methodName>',
        '</methodCall>',
        '<params><param><value>',
        '<int>',
        '</int>',
        '<!DOCTYPE a [',
        '<!ENTITY b "c">]>',
        '&b;',
        '&#0;',
        '<![CDATA[',
        ']]>',
        '<?xml version="1.1" encoding="utf-16"?>',
      ).map((text) => Buffer.from(text)),
    ),
    (body) => assertRefusal('ERR_PYPI_BAD_REQUEST', () => readXmlRpcCall(body)),
  ),
)

/** Runs work that may fail with this code and in no other way. */
function assertRefusal(code: string, work: () => unknown): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof PypiServerError)) throw error
    assert.equal(error.code, code)
  }
}
